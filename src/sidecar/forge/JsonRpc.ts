/** JSON-RPC 2.0 (jsonrpc.org/specification) over one text: single calls, batches and notifications, with the standard's errors. */
import { Effect, Option } from "effect"
import { CallFailure } from "./CallFailure.ts"
import { type Call, refuse } from "./Calls.ts"
import type { LimitRefusal } from "./limits.ts"
import type { CallLog } from "../record/OperationLog.ts"

/** The deepest nesting of values. */
export const NESTING_MAX = 64
/** The most calls in a batch. */
export const BATCH_MAX = 100

type Id = string | number | null

/** One member of a text: a call to make, or the response to an invalid one. */
export type Member =
  | { readonly kind: "Call"; readonly method: string; readonly params: unknown; readonly id: Id | undefined }
  | { readonly kind: "Invalid"; readonly id: Id; readonly code: number; readonly message: string }

/** The requests in a text. */
export interface Frame {
  readonly batch: boolean
  readonly members: ReadonlyArray<Member>
}

/** Parses a text. Never fails: an invalid request becomes its own response. */
export const parseFrame = (text: string): Frame => {
  const json = parseJson(text)
  if (Option.isNone(json))
    return { batch: false, members: [invalid(-32700, "parse error: the body is not JSON")] }
  if (depthExceeds(json.value, NESTING_MAX)) {
    return { batch: false, members: [invalid(-32600, `invalid request: nested deeper than ${NESTING_MAX}`)] }
  }
  if (!Array.isArray(json.value)) return { batch: false, members: [memberOf(json.value)] }
  const requests: ReadonlyArray<unknown> = json.value
  if (requests.length === 0)
    return { batch: false, members: [invalid(-32600, "invalid request: an empty batch")] }
  if (requests.length > BATCH_MAX) {
    return {
      batch: false,
      members: [invalid(-32600, `invalid request: more than ${BATCH_MAX} calls in a batch`)],
    }
  }
  return { batch: true, members: requests.map(memberOf) }
}

/** Makes the calls of a text, in order, and returns the text to send; undefined when there is no response. */
export const answer = (
  text: string,
  calls: ReadonlyMap<string, Call>,
  log: CallLog,
  admit: () => LimitRefusal | undefined = () => undefined,
): Effect.Effect<string | undefined> => {
  const { batch, members } = parseFrame(text)
  const [first] = members
  if (!batch) return first === undefined ? Effect.succeed(undefined) : respond(first, calls, log)
  let size = 0
  const next = (member: Member) => {
    if (size > BATCH_ANSWER_MAX) return Effect.succeed(limited(member, TOO_LONG))
    // The request itself was counted as its first call.
    const over = member === first ? undefined : admit()
    if (over !== undefined) return Effect.succeed(limited(member, over.message))
    return Effect.map(respond(member, calls, log), (response) => {
      size += response?.length ?? 0
      return response
    })
  }
  return Effect.map(Effect.forEach(members, next), (responses) => {
    const given = responses.filter((response) => response !== undefined)
    return given.length === 0 ? undefined : `[${given.join(",")}]`
  })
}

/** A response is held in memory until its client has read it. */
const BATCH_ANSWER_MAX = 4 * 1024 * 1024

const TOO_LONG = "the answers of this batch are too long: make this call by itself"

/** An invalid call. */
const limited = (member: Member, message: string): string | undefined =>
  member.id === undefined ? undefined : failureText(member.id, CODES.limit, message, undefined)

const respond = (
  member: Member,
  calls: ReadonlyMap<string, Call>,
  log: CallLog,
): Effect.Effect<string | undefined> => {
  if (member.kind === "Invalid") {
    const failure = new CallFailure({ kind: "request", message: member.message })
    return Effect.match(refuse(log, "rpc", "", failure), {
      onSuccess: () => undefined,
      onFailure: () => failureText(member.id, member.code, member.message, undefined),
    })
  }
  const { id, method, params } = member
  const call = calls.get(method)
  const made = call === undefined ? refuse(log, method.slice(0, 64), "", unknownMethod) : call.run(params)
  return Effect.match(made, {
    onSuccess: (result) =>
      id === undefined
        ? undefined
        : `{"jsonrpc":"2.0","result":${JSON.stringify(result)},"id":${JSON.stringify(id)}}`,
    onFailure: (failure) =>
      id === undefined ? undefined : failureText(id, CODES[failure.kind], failure.message, failure.data),
  })
}

const unknownMethod = new CallFailure({ kind: "method", message: "method not found" })

/** The code of each kind of failure: the standard's own, and ours from the range that it reserves for servers. */
export const CODES: Readonly<Record<CallFailure["kind"], number>> = {
  request: -32600,
  method: -32601,
  params: -32602,
  internal: -32603,
  scope: -32001,
  forge: -32002,
  unreachable: -32003,
  secret: -32004,
  "no-forge": -32005,
  limit: -32006,
}

/** The text of an error response. */
export const failureText = (id: Id, code: number, message: string, data: unknown): string =>
  JSON.stringify({ jsonrpc: "2.0", error: { code, message, data }, id })

const invalid = (code: number, message: string, id: Id = null): Member => ({
  kind: "Invalid",
  id,
  code,
  message,
})

const memberOf = (request: unknown): Member => {
  if (!isFields(request)) return invalid(-32600, "invalid request: not an object")
  const own = (key: string): unknown => (Object.hasOwn(request, key) ? request[key] : undefined)
  const hasId = Object.hasOwn(request, "id")
  const id = own("id")
  if (hasId && !isId(id)) return invalid(-32600, "invalid request: id must be a string, a number or null")
  const known = hasId && isId(id) ? id : undefined
  if (own("jsonrpc") !== "2.0") return invalid(-32600, 'invalid request: jsonrpc must be "2.0"', known)
  const method = own("method")
  if (typeof method !== "string") return invalid(-32600, "invalid request: method must be a string", known)
  const params = own("params")
  if (Object.hasOwn(request, "params") && (typeof params !== "object" || params === null)) {
    return invalid(-32600, "invalid request: params must be an object", known)
  }
  return { kind: "Call", method, params: params ?? {}, id: known }
}

const isFields = (value: unknown): value is { readonly [key: string]: unknown } =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** A number that JSON cannot represent (1e999) is not a valid ID. */
const isId = (id: unknown): id is Id =>
  id === null || typeof id === "string" || (typeof id === "number" && Number.isFinite(id))

const parseJson: (text: string) => Option.Option<unknown> = Option.liftThrowable((text: string): unknown =>
  JSON.parse(text),
)

const depthExceeds = (value: unknown, left: number): boolean => {
  if (typeof value !== "object" || value === null) return false
  if (left === 0) return true
  for (const inner of Object.values(value)) {
    if (typeof inner === "object" && depthExceeds(inner, left - 1)) return true
  }
  return false
}
