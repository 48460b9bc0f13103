/** The HTTP server of a neck: raw node:http for speed, entering an Effect runtime once per call. */
import { Context, Effect, type Fiber, type Runtime, Runtime as EffectRuntime, RuntimeFlags } from "effect"
import type { Scope } from "effect"
import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http"
import type { Socket } from "node:net"
import { CallFailure } from "./forge/CallFailure.ts"
import { refuse } from "./forge/Calls.ts"
import type { Egress } from "./egress/Egress.ts"
import { answerTunnel } from "./egress/tunnelAnswers.ts"
import { type Gate, type Passage, refusalOf } from "./http/gates.ts"
import { GIT_PREFIX } from "./git/GitCalls.ts"
import * as JsonRpc from "./forge/JsonRpc.ts"
import { answerMcp, mcpRefusal } from "./forge/Mcp.ts"
import { CheckIn } from "./record/CheckIn.ts"
import { type CallLog, OperationLog } from "./record/OperationLog.ts"
import { SidecarSettings } from "./SidecarSettings.ts"
import type { LimitKeeper, LimitRefusal } from "./forge/limits.ts"
import { type Body, type BodyRefusal, readBody } from "./http/readBody.ts"
import { type Room, makeRoom } from "./http/room.ts"
import { AnswerRoom, type AnswerRoomShape } from "../services/Forge.ts"
import { answerEarly } from "./http/afterBody.ts"
import { type Drainable, drain } from "./http/drain.ts"
import { ROUTE_PREFIX } from "./routes/target.ts"
import type { ServePath } from "./http/ServePath.ts"
import { endSocket, watchStalled } from "./http/stalled.ts"
import type { ServedCalls } from "./forge/ServedCalls.ts"
import type { TextAnswer } from "./forge/TextCommands.ts"

/** What a neck serves, and its limits. */
export interface NeckOptions {
  readonly calls: ServedCalls
  readonly serveRoute: ServePath
  readonly serveGit: ServePath
  readonly egress: Egress
  readonly keeper: LimitKeeper
}

/** The handlers behind a neck, and how each call is logged. */
interface Serving extends NeckOptions {
  readonly log: CallLog
  readonly checkIn: Effect.Effect<void>
  readonly requestTimeoutMs: number
}

/** A neck that several servers can share. */
export interface Neck {
  /** A server behind a gate, not listening yet. It closes with the scope, after calls in flight. */
  readonly server: (gate: Gate) => Effect.Effect<Server, never, Scope.Scope>
  /** When there last was a connection, including idle ones, in milliseconds; none when there never was one. */
  readonly lastConnected: () => number | undefined
}

/** Connections over the limit that get a response. Further ones are dropped. */
const REFUSED_MAX = 64
const HEADERS_MAX = 16 * 1024
/** Longer than agents and their HTTP libraries keep a connection for the next call. */
const KEEP_ALIVE_MS = 75_000

/** Makes a neck. */
export const makeNeck = (given: NeckOptions): Effect.Effect<Neck, never, OperationLog | CheckIn> =>
  Effect.gen(function* () {
    // Calls need none of the sidecar's services, and each call would copy them when it adds one.
    const runtime = (yield* Effect.runtime<never>()).pipe(
      EffectRuntime.updateContext(() => Context.empty()),
      // Nobody reads the lifetimes of fibers, and counting them costs two looks at the clock.
      EffectRuntime.disableRuntimeFlag(RuntimeFlags.RuntimeMetrics),
    )
    const { requestTimeoutMs, drainMs } = yield* SidecarSettings
    const options = { ...given, log: yield* OperationLog, checkIn: yield* CheckIn, requestTimeoutMs }
    let connections = 0
    let closedAt: number | undefined
    const { keeper } = options
    const room = makeRoom()
    return {
      lastConnected: () => (connections > 0 ? Date.now() : closedAt),
      server: (gate) =>
        Effect.acquireRelease(
          Effect.sync(() => {
            const served = serve(options, runtime, gate, room)
            served.server.on("connection", (socket) => {
              connections += 1
              if (connections > keeper.limits.connections) {
                keeper.reached("connections")
                refuseSocket(socket, keeper.limits.connections)
              }
              socket.once("close", () => {
                connections -= 1
                closedAt = Date.now()
              })
            })
            return served
          }),
          (served) => drain(served, drainMs),
        ).pipe(Effect.map(({ server }) => server)),
    }
  })

const refuseSocket = (socket: Socket, connections: number): void => {
  const text = `${connections} connections are open: close some\n`
  socket.on("error", () => socket.destroy())
  socket.write(
    `HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-type: ${TEXT}\r\ncontent-length: ${text.length}\r\nconnection: close\r\n\r\n${text}`,
  )
  endSocket(socket)
}

const serve = (options: Serving, runtime: Runtime.Runtime<never>, gate: Gate, room: Room): Drainable => {
  const { keeper } = options
  const runFork = EffectRuntime.runFork(runtime)
  const runWith: RunWith = (answers, call) =>
    EffectRuntime.runFork(
      EffectRuntime.updateContext(runtime, () => Context.make(AnswerRoom, answers)),
      call,
    )
  const state: Drainable["state"] = { inFlight: 0, closing: false, idle: () => undefined }
  const server = createServer({
    maxHeaderSize: HEADERS_MAX,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // Node's own limits would end the forwarder's idle connection, which never sends anything: see stalled.ts.
    headersTimeout: 0,
    requestTimeout: 0,
  })
  server.maxConnections = keeper.limits.connections + REFUSED_MAX
  const watch = watchStalled(server, options.requestTimeoutMs)
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    state.inFlight += 1
    response.on("close", () => {
      state.inFlight -= 1
      if (state.inFlight === 0) state.idle()
    })
    const answer = (status: number, type: string, text: string) => {
      if (state.closing) response.setHeader("connection", "close")
      response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(text) })
      response.end(text)
    }
    const passage = gate(request)
    const isHealth = passage.kind === "Path" && passage.path === "/healthz"
    const over = isHealth ? undefined : keeper.admit()
    if (over !== undefined) {
      for (const [name, value] of Object.entries(headersOf(over))) response.setHeader(name, value)
      const { type, text } = refusalText(passage.kind === "Path" ? passage.path : "", over.message)
      return answerEarly(request, response, 429, text, type)
    }
    const servePath = passage.kind === "Path" ? servedBelow(options, passage.path) : undefined
    if (passage.kind === "Path" && servePath !== undefined) {
      // A streaming body takes its time; such requests have their own limits.
      watch.release(request)
      if (state.closing) response.setHeader("connection", "close")
      runFork(servePath(request, response, passage.path))
    } else if (passage.kind === "Elsewhere") {
      watch.release(request)
      if (state.closing) response.setHeader("connection", "close")
      options.egress.http(request, response)
    } else {
      dispatch(options, passage, request, response, answer, { runWith, room })
    }
  })
  server.on("connect", (request: IncomingMessage, _, head: Buffer) => {
    const passage = gate(request)
    const over = keeper.admit()
    if (passage.kind === "Elsewhere" && over === undefined) return options.egress.tunnel(request, head)
    const { status, text, headers } =
      over !== undefined
        ? { status: 429, text: `${over.message}\n`, headers: headersOf(over) }
        : refusalOf(passage.kind === "Elsewhere" ? { kind: "NotFound" } : passage)
    request.socket.on("error", () => request.socket.destroy())
    answerTunnel(request.socket, status, text, headers)
  })
  return { server, state, stopWatching: watch.stop }
}

const headersOf = ({ retryAfter }: LimitRefusal): Readonly<Record<string, string>> =>
  retryAfter === undefined ? {} : { "retry-after": String(retryAfter) }

/** A refusal before a call is read, in its protocol's format. */
const refusalText = (path: string, message: string): { readonly type: string; readonly text: string } =>
  path === "/rpc" || path === "/mcp"
    ? { type: JSON_TYPE, text: JsonRpc.failureText(null, JsonRpc.CODES.limit, message, undefined) }
    : { type: TEXT, text: `${message}\n` }

const bodyRefusal =
  (path: string) =>
  (kind: "TooLarge" | "NoRoom"): BodyRefusal =>
    kind === "TooLarge"
      ? { status: 413, type: TEXT, text: "the body is over 1 MiB\n", headers: {} }
      : {
          status: 429,
          ...refusalText(path, "too many bodies at once: try again"),
          headers: { "retry-after": "1" },
        }

const servedBelow = ({ serveRoute, serveGit }: NeckOptions, path: string): ServePath | undefined =>
  path.startsWith(ROUTE_PREFIX) ? serveRoute : path.startsWith(GIT_PREFIX) ? serveGit : undefined

type Answer = (status: number, type: string, text: string) => void

/** Runs a call with its room for responses of the forge: in the runtime, because providing a service costs more than all steps of a call. */
type RunWith = (answers: AnswerRoomShape, call: Effect.Effect<void>) => Fiber.RuntimeFiber<void>

const TEXT = "text/plain; charset=utf-8"
const JSON_TYPE = "application/json"

const dispatch = (
  options: Serving,
  passage: Exclude<Passage, { readonly kind: "Elsewhere" }>,
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
  { runWith, room }: { readonly runWith: RunWith; readonly room: Room },
): void => {
  const { calls, log, checkIn, keeper } = options
  if (passage.kind !== "Path") {
    const { status, text, headers } = refusalOf(passage)
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    return answer(status, TEXT, text)
  }
  const { path } = passage
  if (path === "/healthz" && request.method === "GET") return answer(200, TEXT, "ok\n")
  const isMcp = path === "/mcp"
  const command = path === "/rpc" || isMcp ? undefined : commandOf(path)
  if (path !== "/rpc" && !isMcp && command === undefined) return answer(404, TEXT, "not found\n")
  if (request.method !== "POST") {
    response.setHeader("allow", "POST")
    return answer(405, TEXT, "only POST is served here\n")
  }
  const refused = isMcp ? mcpRefusal(request.headers) : undefined
  if (refused !== undefined) return answerEarly(request, response, refused.status, refused.text)
  const answers = room.answers()
  const admitNext = () => {
    // Earlier calls have their responses, which batches limit themselves.
    answers.give()
    return keeper.admit()
  }
  const use = (body: Body, over: () => void): void => {
    if (body.kind === "NoRoom") return keeper.reached("memory")
    const text = body.kind === "Text" ? body.text : ""
    const answered =
      body.kind === "TooLarge"
        ? logTooLarge(log)
        : isMcp
          ? Effect.map(answerMcp(text, request.headers, calls, log), ({ status, body }) =>
              body === undefined ? answerNothing(response, status) : answer(status, JSON_TYPE, body),
            )
          : command === undefined
            ? Effect.map(JsonRpc.answer(text, calls.byName, log, admitNext), (said) =>
                said === undefined ? answerNothing(response, 204) : answer(200, JSON_TYPE, said),
              )
            : Effect.map(runText(command, body, calls), ({ status, text }) => answer(status, TEXT, text))
    runWith(answers, Effect.zipRight(checkIn, answered)).addObserver(over)
  }
  const isLarge = (bytes: Buffer) => path === "/rpc" && isBatch(bytes)
  readBody(request, response, { room, refusal: bodyRefusal(path), isLarge, use, left: answers.give })
}

/** A batch holds all its calls while the first one runs. */
const isBatch = (body: Buffer): boolean => body.find((byte) => byte > SPACE) === BRACKET

const SPACE = 0x20
const BRACKET = 0x5b

/** A notification has no response, not even an empty one. */
const answerNothing = (response: ServerResponse, status: number): void => {
  response.writeHead(status)
  response.end()
}

interface CommandPath {
  readonly name: string
  readonly query: URLSearchParams
}

const commandOf = (path: string): CommandPath | undefined => {
  const [, name, query = ""] = /^\/forge\/([^/?]*)(?:\?(.*))?$/s.exec(path) ?? []
  return name === undefined ? undefined : { name, query: new URLSearchParams(query) }
}

const runText = (
  { name, query }: CommandPath,
  body: Exclude<Body, { readonly kind: "TooLarge" | "NoRoom" }>,
  { runCommand }: ServedCalls,
): Effect.Effect<TextAnswer> =>
  body.kind === "NotUtf8"
    ? Effect.succeed({ status: 400, text: "the body is not UTF-8\n" })
    : runCommand(name, query, body.text)

const logTooLarge = (log: CallLog): Effect.Effect<void> =>
  Effect.ignore(
    refuse(log, "http", "", new CallFailure({ kind: "request", message: "the body is over 1 MiB" })),
  )
