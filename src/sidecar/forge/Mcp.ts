/**
 * The forge protocol as an MCP server (modelcontextprotocol.io, streamable HTTP), for clients that begin with `initialize` and for
 * stateless ones of 2026-07-28.
 */
import { Effect } from "effect"
import type { IncomingHttpHeaders } from "node:http"
import { VERSION } from "../../domain/Version.ts"
import { CallFailure } from "./CallFailure.ts"
import { refuse } from "./Calls.ts"
import { type Member, parseFrame } from "./JsonRpc.ts"
import { textContent } from "./McpTools.ts"
import type { CallLog } from "../record/OperationLog.ts"
import type { ServedCalls } from "./ServedCalls.ts"

/** An HTTP response, possibly without a body. */
export interface McpAnswer {
  readonly status: number
  readonly body?: string
}

/** The stateless revision. */
const STATELESS = "2026-07-28"
/** Revisions that begin with `initialize`, newest first. */
const WITH_INITIALIZE: ReadonlyArray<string> = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]

const META_VERSION = "io.modelcontextprotocol/protocolVersion"
const META_CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
const META_SERVER = "io.modelcontextprotocol/serverInfo"

const SERVER = { name: "bot-bottle", version: VERSION }
const CAPABILITIES = { tools: {} }
const INSTRUCTIONS =
  "Tools of the forge that your task came from. Call signal_done once, when your work has ended."

/** The tools do not change while this process lives. */
const TOOLS_KEEP_MS = 3_600_000

type Requested = Extract<Member, { readonly kind: "Call" }>
type Fields = Readonly<Record<string, unknown>>

/** A JSON-RPC error with its HTTP status. */
interface Problem {
  readonly status: number
  readonly code: number
  readonly message: string
  readonly data?: unknown
}

/** Why a request is refused by its HTTP headers, before its body is read. */
export const mcpRefusal = ({ origin, accept, "content-type": type }: IncomingHttpHeaders) => {
  if (origin !== undefined && !/^http:\/\/(?:127\.0\.0\.1|localhost)(?::\d+)?$/.test(origin)) {
    return { status: 403, text: "a web page may not call this\n" }
  }
  if (type !== undefined && !/^application\/json\s*(?:;|$)/i.test(type)) {
    return { status: 415, text: "the body must be application/json\n" }
  }
  return accept === undefined || /application\/json|application\/\*|\*\/\*/i.test(accept)
    ? undefined
    : { status: 406, text: "the answer is application/json\n" }
}

/** Handles one message. */
export const answerMcp = (
  text: string,
  headers: IncomingHttpHeaders,
  calls: ServedCalls,
  log: CallLog,
): Effect.Effect<McpAnswer> => {
  const { batch, members } = parseFrame(text)
  const [member] = members
  if (batch || member === undefined) return refused(log, BATCH)
  if (member.kind === "Invalid") return refused(log, { ...member, status: 400 })
  // A notification has no response and no effect: it may not call a tool.
  if (member.id === undefined) return Effect.succeed({ status: 202 })
  if (member.id === null) return refused(log, NULL_ID)
  return isStateless(member, headers)
    ? answerStateless(member, headers, calls, log)
    : answerLegacy(member, headers, calls, log)
}

const BATCH: Problem = { status: 400, code: -32600, message: "invalid request: no batches" }
const NULL_ID: Problem = { status: 400, code: -32600, message: "invalid request: id must not be null" }

const refused = (log: CallLog, problem: Problem): Effect.Effect<McpAnswer> => {
  const answered = errorAnswer(null, problem)
  return Effect.match(
    refuse(log, "mcp", "", new CallFailure({ kind: "request", message: problem.message })),
    {
      onSuccess: () => answered,
      onFailure: () => answered,
    },
  )
}

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const fieldsOf = (value: unknown): Fields => (isFields(value) ? value : {})

const metaOf = ({ params }: Requested): Fields => fieldsOf(fieldsOf(params)["_meta"])

const versionOf = (headers: IncomingHttpHeaders): string | undefined =>
  headers["mcp-protocol-version"]?.toString()

const isStateless = (asked: Requested, headers: IncomingHttpHeaders): boolean =>
  asked.method !== "initialize" &&
  (metaOf(asked)[META_VERSION] !== undefined || versionOf(headers) === STATELESS)

const answerStateless = (
  asked: Requested,
  headers: IncomingHttpHeaders,
  calls: ServedCalls,
  log: CallLog,
): Effect.Effect<McpAnswer> => {
  const problem = envelopeProblem(asked, headers)
  if (problem !== undefined) return Effect.succeed(errorAnswer(asked.id, problem))
  const complete = (result: Fields): McpAnswer =>
    resultAnswer(asked.id, { ...result, resultType: "complete", _meta: { [META_SERVER]: SERVER } })
  switch (asked.method) {
    case "server/discover":
      return Effect.succeed(
        complete({
          supportedVersions: [STATELESS],
          capabilities: CAPABILITIES,
          instructions: INSTRUCTIONS,
          ttlMs: TOOLS_KEEP_MS,
          cacheScope: "private",
        }),
      )
    case "tools/list":
      return Effect.succeed(complete({ tools: calls.tools, ttlMs: TOOLS_KEEP_MS, cacheScope: "private" }))
    case "tools/call":
      return callTool(asked, calls, log, complete)
    default:
      return Effect.succeed(errorAnswer(asked.id, { ...NO_METHOD, status: 404 }))
  }
}

/** The body and the headers must agree, because proxies route by the headers. */
const envelopeProblem = (asked: Requested, headers: IncomingHttpHeaders): Problem | undefined => {
  const meta = metaOf(asked)
  const version = meta[META_VERSION]
  if (typeof version !== "string") return invalidParams(`_meta["${META_VERSION}"] is missing`)
  if (versionOf(headers) !== version) return mismatch("MCP-Protocol-Version")
  if (version !== STATELESS) return unsupported(version)
  if (!isFields(meta[META_CAPABILITIES])) return invalidParams(`_meta["${META_CAPABILITIES}"] is missing`)
  if (headers["mcp-method"] !== asked.method) return mismatch("Mcp-Method")
  const name = fieldsOf(asked.params)["name"]
  return asked.method === "tools/call" && typeof name === "string" && headers["mcp-name"] !== name
    ? mismatch("Mcp-Name")
    : undefined
}

const invalidParams = (message: string): Problem => ({
  status: 400,
  code: -32602,
  message: `invalid params: ${message}`,
})

const mismatch = (header: string): Problem => ({
  status: 400,
  code: -32020,
  message: `the header ${header} is missing or does not agree with the body`,
})

const unsupported = (requested: string): Problem => ({
  status: 400,
  code: -32022,
  message: "unsupported protocol version",
  data: { supported: [STATELESS, ...WITH_INITIALIZE], requested },
})

const NO_METHOD: Problem = { status: 200, code: -32601, message: "method not found" }

const answerLegacy = (
  asked: Requested,
  headers: IncomingHttpHeaders,
  calls: ServedCalls,
  log: CallLog,
): Effect.Effect<McpAnswer> => {
  const version = versionOf(headers)
  if (version !== undefined && asked.method !== "initialize" && !WITH_INITIALIZE.includes(version)) {
    return Effect.succeed(errorAnswer(asked.id, unsupported(version)))
  }
  const answer = (result: Fields): McpAnswer => resultAnswer(asked.id, result)
  switch (asked.method) {
    case "initialize":
      return Effect.succeed(
        answer({
          protocolVersion: agreedVersion(asked),
          capabilities: CAPABILITIES,
          serverInfo: SERVER,
          instructions: INSTRUCTIONS,
        }),
      )
    case "ping":
      return Effect.succeed(answer({}))
    case "tools/list":
      return Effect.succeed(answer({ tools: calls.tools }))
    case "tools/call":
      return callTool(asked, calls, log, answer)
    default:
      return Effect.succeed(errorAnswer(asked.id, NO_METHOD))
  }
}

/** The requested revision, or our newest: a client that does not support it disconnects. */
const agreedVersion = (asked: Requested): string => {
  const wanted = fieldsOf(asked.params)["protocolVersion"]
  return WITH_INITIALIZE.find((version) => version === wanted) ?? WITH_INITIALIZE[0] ?? ""
}

/** A refused or failed call is a result too, so that the model can read the reason. */
const callTool = (
  asked: Requested,
  calls: ServedCalls,
  log: CallLog,
  answer: (result: Fields) => McpAnswer,
): Effect.Effect<McpAnswer> => {
  const { name, arguments: given = {} } = fieldsOf(asked.params)
  const call = typeof name === "string" ? calls.byName.get(name) : undefined
  if (call === undefined) {
    const op = typeof name === "string" ? name.slice(0, 64) : "mcp"
    const problem: Problem = { status: 200, code: -32602, message: "unknown tool" }
    return Effect.match(refuse(log, op, "", UNKNOWN_TOOL), {
      onSuccess: () => errorAnswer(asked.id, problem),
      onFailure: () => errorAnswer(asked.id, problem),
    })
  }
  return Effect.match(call.contents(given), {
    onSuccess: (content) => answer({ content: [...content, ...noted(calls)] }),
    onFailure: ({ message }) =>
      answer({ content: [...textContent(message), ...noted(calls)], isError: true }),
  })
}

const noted = ({ notice }: ServedCalls) => {
  const note = notice()
  return note === undefined ? [] : textContent(note)
}

const UNKNOWN_TOOL = new CallFailure({ kind: "method", message: "unknown tool" })

const resultAnswer = (id: unknown, result: Fields): McpAnswer => ({
  status: 200,
  body: JSON.stringify({ jsonrpc: "2.0", id, result }),
})

const errorAnswer = (id: unknown, { status, code, message, data }: Problem): McpAnswer => ({
  status,
  body: JSON.stringify({ jsonrpc: "2.0", id, error: { code, message, data } }),
})
