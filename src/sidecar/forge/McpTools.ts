/** A call as an MCP tool: the description that a model reads before it calls it. */
import { JSONSchema, type Schema } from "effect"

/** A tool in the response to `tools/list`. */
export interface McpTool {
  readonly name: string
  readonly description: string
  /** JSON Schema (2020-12) of its arguments. */
  readonly inputSchema: object
  readonly annotations: { readonly readOnlyHint: boolean }
}

/** A part of a tool's result; an image is base64. */
export type McpContent =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "image"; readonly data: string; readonly mimeType: string }

/** One text as content. */
export const textContent = (text: string): ReadonlyArray<McpContent> => [{ type: "text", text }]

/** The tool of a call. Throws when its parameters cannot be expressed in JSON Schema. */
export const toolOf = <P, PI>(call: {
  readonly name: string
  readonly description: string
  readonly params: Schema.Schema<P, PI>
  readonly reads: boolean
}): McpTool => ({
  name: call.name,
  description: call.description,
  inputSchema: inputSchema(call.params),
  annotations: { readOnlyHint: call.reads },
})

/** Written out, because the generated schema of an object without properties would allow arrays. */
const inputSchema = <P, PI>(params: Schema.Schema<P, PI>): object => {
  const made = JSONSchema.make(params, { target: "jsonSchema2020-12" })
  const { properties = {}, required = [], $defs } = "properties" in made ? made : { $defs: made.$defs }
  return {
    type: "object",
    properties,
    required,
    additionalProperties: false,
    ...($defs !== undefined && { $defs }),
  }
}
