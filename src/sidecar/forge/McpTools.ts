/** A call as a tool of MCP: what a model reads of it before it makes one. */
import { JSONSchema, type Schema } from "effect"

/** A tool, as `tools/list` answers it. */
export interface McpTool {
  readonly name: string
  readonly description: string
  /** JSON Schema (2020-12) of its arguments. */
  readonly inputSchema: object
  readonly annotations: { readonly readOnlyHint: boolean }
}

/** A part of what a tool gives to a model; an image is in base64. */
export type McpContent =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "image"; readonly data: string; readonly mimeType: string }

/** One text. */
export const textContent = (text: string): ReadonlyArray<McpContent> => [{ type: "text", text }]

/** The tool of a call. Throws when its parameters cannot be said in JSON Schema. */
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

/** Written out: the schema of an object without properties would let arrays pass. */
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
