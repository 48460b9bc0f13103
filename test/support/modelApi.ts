/** A stand-in of a model's API: speaks enough of OpenAI's chat completions and responses and of Anthropic's messages, streamed, to drive a real agent by a script. */
import { createServer } from "node:http"
import type { IncomingMessage, ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

/** What the model does at its turn: calls one of the agent's tools, or says something and ends the run. */
export type Turn =
  | { readonly call: ToolCall }
  | { readonly shell: string }
  | { readonly edit: { readonly path: string; readonly before: string; readonly after: string } }
  | { readonly say: string }

/** A call of a tool by its name. */
export interface ToolCall {
  readonly name: string
  /** For the API of responses: what the tool is part of. */
  readonly namespace?: string
  readonly input: unknown
}

/** A request to the API as it arrived. */
export interface ModelRequest {
  readonly path: string
  readonly headers: IncomingMessage["headers"]
  readonly text: string
}

/** The API while it serves. */
export interface ModelApi {
  /** With the port, without a path. */
  readonly url: string
  /** Requests that had the key, in order. */
  readonly requests: ReadonlyArray<ModelRequest>
  /** Paths of requests without the key: they were answered 401. */
  readonly refused: ReadonlyArray<string>
  /** Adds turns to the script; a function is called when it is the model's turn, while the agent waits. */
  readonly play: (...turns: ReadonlyArray<Turn | (() => Turn)>) => void
  readonly stop: () => Promise<void>
}

/** Serves on a free port of loopback; the key must come as `Authorization: Bearer KEY` or `x-api-key: KEY`. */
export const startModelApi = async (key: string): Promise<ModelApi> => {
  const requests: Array<ModelRequest> = []
  const refused: Array<string> = []
  const script: Array<Turn | (() => Turn)> = []
  const server = createServer((request, response) => {
    void textOf(request).then(
      (text) => {
        const path = (request.url ?? "").replace(/\?.*/, "")
        if (
          ![request.headers.authorization, `Bearer ${request.headers["x-api-key"]}`].includes(`Bearer ${key}`)
        ) {
          refused.push(path)
          return json(response, 401, { error: { message: "no such key", type: "invalid_request_error" } })
        }
        requests.push({ path, headers: request.headers, text })
        const dialect = Object.entries(dialects).find(([ending]) => path.endsWith(ending))?.[1]
        if (dialect === undefined) return json(response, 404, { error: { message: "not found" } })
        const next = script.shift() ?? { say: "There is nothing left to do." }
        const turn = typeof next === "function" ? next() : next
        response.writeHead(200, { "content-type": "text/event-stream" })
        for (const event of dialect(turn, JSON.parse(text), `${requests.length}`)) response.write(event)
        response.end()
        // A request that a limit refuses is cut off before its end.
      },
      () => undefined,
    )
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    refused,
    play: (...turns) => void script.push(...turns),
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}

/** The call by which an agent with these tools does what the script says. */
const toolCall = (turn: Exclude<Turn, { say: string }>, tools: ReadonlySet<string>): ToolCall => {
  if ("call" in turn) return turn.call
  if ("edit" in turn) {
    const { path, before, after } = turn.edit
    if (tools.has("edit"))
      return { name: "edit", input: { path, edits: [{ oldText: before, newText: after }] } }
    if (tools.has("Bash")) return toolCall({ shell: `sed -i 's/${before}/${after}/' ${path}` }, tools)
    const patch = `*** Begin Patch\n*** Update File: ${path}\n@@\n-${before}\n+${after}\n*** End Patch\n`
    return toolCall({ shell: `apply_patch <<'PATCH'\n${patch}PATCH` }, tools)
  }
  if (tools.has("Bash"))
    return { name: "Bash", input: { command: turn.shell, description: "as the script says" } }
  if (tools.has("bash")) return { name: "bash", input: { command: turn.shell } }
  if (tools.has("exec_command")) return { name: "exec_command", input: { cmd: turn.shell } }
  if (tools.has("shell_command")) return { name: "shell_command", input: { command: turn.shell } }
  return { name: "shell", input: { command: ["sh", "-c", turn.shell] } }
}

interface Asked {
  readonly stream_options?: { readonly include_usage?: boolean }
  readonly tools?: ReadonlyArray<{ readonly name?: string; readonly function?: { readonly name?: string } }>
}

const toolsOf = (asked: Asked): ReadonlySet<string> =>
  new Set((asked.tools ?? []).map((tool) => tool.function?.name ?? tool.name ?? ""))

/** What each call reports that it used: the input includes what came from a cache. */
export const CALL_USE = { input: 1200, cached: 800, output: 34, reasoning: 10 }

/** Chat completions: chunks of one choice, the usage if it is asked for, then `[DONE]`. */
const chat = (turn: Turn, asked: Asked, id: string): ReadonlyArray<string> => {
  const usage = {
    prompt_tokens: CALL_USE.input,
    completion_tokens: CALL_USE.output,
    total_tokens: CALL_USE.input + CALL_USE.output,
    prompt_tokens_details: { cached_tokens: CALL_USE.cached },
    completion_tokens_details: { reasoning_tokens: CALL_USE.reasoning },
  }
  const end = [
    ...(asked.stream_options?.include_usage === true
      ? [sse({ id: `chat-${id}`, object: "chat.completion.chunk", choices: [], usage })]
      : []),
    "data: [DONE]\n\n",
  ]
  const chunk = (delta: object, finish: string | null) =>
    sse({
      id: `chat-${id}`,
      object: "chat.completion.chunk",
      choices: [{ index: 0, delta, finish_reason: finish }],
    })
  if ("say" in turn) {
    return [chunk({ role: "assistant", content: turn.say }, null), chunk({}, "stop"), ...end]
  }
  const { name, input } = toolCall(turn, toolsOf(asked))
  const call = {
    index: 0,
    id: `call_${id}`,
    type: "function",
    function: { name, arguments: JSON.stringify(input) },
  }
  return [chunk({ role: "assistant", tool_calls: [call] }, null), chunk({}, "tool_calls"), ...end]
}

/** Responses: one item of output, then `response.completed`. */
const responses = (turn: Turn, asked: Asked, id: string): ReadonlyArray<string> => {
  const item =
    "say" in turn
      ? {
          type: "message",
          role: "assistant",
          id: `msg_${id}`,
          content: [{ type: "output_text", text: turn.say, annotations: [] }],
        }
      : functionCall(toolCall(turn, toolsOf(asked)), id)
  const usage = {
    input_tokens: CALL_USE.input,
    input_tokens_details: { cached_tokens: CALL_USE.cached },
    output_tokens: CALL_USE.output,
    output_tokens_details: { reasoning_tokens: CALL_USE.reasoning },
    total_tokens: CALL_USE.input + CALL_USE.output,
  }
  return [
    sse({ type: "response.created", response: { id: `resp_${id}` } }),
    sse({ type: "response.output_item.added", output_index: 0, item }),
    sse({ type: "response.output_item.done", output_index: 0, item }),
    sse({ type: "response.completed", response: { id: `resp_${id}`, status: "completed", usage } }),
  ]
}

/** Messages: one block of content, between `message_start` and `message_stop`. */
const messages = (turn: Turn, asked: Asked, id: string): ReadonlyArray<string> => {
  const call = "say" in turn ? undefined : toolCall(turn, toolsOf(asked))
  const usage = {
    input_tokens: CALL_USE.input - CALL_USE.cached,
    cache_read_input_tokens: CALL_USE.cached,
    output_tokens: 1,
  }
  const message = {
    id: `msg_${id}`,
    type: "message",
    role: "assistant",
    model: "m",
    content: [],
    stop_reason: null,
    usage,
  }
  return [
    sse({ type: "message_start", message }),
    sse({
      type: "content_block_start",
      index: 0,
      content_block:
        call === undefined
          ? { type: "text", text: "" }
          : { type: "tool_use", id: `toolu_${id}`, name: call.name, input: {} },
    }),
    sse({
      type: "content_block_delta",
      index: 0,
      delta:
        call === undefined
          ? { type: "text_delta", text: "say" in turn ? turn.say : "" }
          : { type: "input_json_delta", partial_json: JSON.stringify(call.input) },
    }),
    sse({ type: "content_block_stop", index: 0 }),
    sse({
      type: "message_delta",
      delta: { stop_reason: call === undefined ? "end_turn" : "tool_use", stop_sequence: null },
      usage: { output_tokens: CALL_USE.output },
    }),
    sse({ type: "message_stop" }),
  ]
}

const functionCall = ({ name, namespace, input }: ToolCall, id: string) => ({
  type: "function_call",
  id: `fc_${id}`,
  call_id: `call_${id}`,
  name,
  ...(namespace !== undefined && { namespace }),
  arguments: JSON.stringify(input),
})

const dialects = { "/chat/completions": chat, "/responses": responses, "/messages": messages }

const sse = (data: Readonly<Record<string, unknown>>): string =>
  `${typeof data["type"] === "string" ? `event: ${data["type"]}\n` : ""}data: ${JSON.stringify(data)}\n\n`

const json = (response: ServerResponse, status: number, body: unknown) => {
  response.writeHead(status, { "content-type": "application/json" })
  response.end(JSON.stringify(body))
}

const textOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString("utf8")
}
