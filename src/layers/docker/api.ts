/**
 * Requests to an engine's API over its Unix socket, by node:http. Paths have no version, so that the engine serves its newest.
 * https://docs.docker.com/reference/api/engine/
 */
import { Effect, Option, Schema } from "effect"
import type { Scope } from "effect"
import { Agent, type ClientRequest, type IncomingMessage, type RequestOptions, request } from "node:http"
import type { Duplex } from "node:stream"
import { text } from "node:stream/consumers"

/** The engine did not respond: `code` is node's, such as ENOENT. */
export class Unreachable {
  readonly _tag = "Unreachable"
  readonly code: string
  readonly message: string
  constructor(error: Error) {
    this.code = (error as NodeJS.ErrnoException).code ?? ""
    this.message = error.message
  }
}

/** A response of the API, read to its end. */
export interface ApiAnswer {
  readonly status: number
  /** Its JSON. Undefined when it is not JSON. */
  readonly json: unknown
  /** The engine's message of a failed request. */
  readonly message: string
}

/** The engine refused a request. */
export class Refused {
  readonly _tag = "Refused"
  readonly message: string
  constructor(message: string) {
    this.message = message
  }
}

/** A connection outside HTTP, and what was read of it already. */
export interface Upgraded {
  readonly socket: Duplex
  readonly head: Buffer
}

/** An engine's API. */
export interface Api {
  readonly call: (method: "GET" | "POST", path: string) => Effect.Effect<ApiAnswer, Unreachable>
  /** A response without an end, such as a log that is followed. It is cut off with the scope. */
  readonly follow: (path: string) => Effect.Effect<IncomingMessage, Unreachable | Refused, Scope.Scope>
  /** A connection that the engine takes out of HTTP, to carry a container's output. It is closed with the scope. */
  readonly upgrade: (path: string) => Effect.Effect<Upgraded, Unreachable | Refused, Scope.Scope>
}

/** How many requests are sent at once. */
const CONNECTIONS = 16

const UPGRADE = { connection: "Upgrade", upgrade: "tcp" }

const Message = Schema.Struct({ message: Schema.String })

const parsed = Schema.decodeUnknownOption(Schema.parseJson())
const messageIn = Schema.decodeUnknownOption(Message)

const answerOf = (response: IncomingMessage): Promise<ApiAnswer> =>
  text(response).then((body) => {
    const json = Option.getOrUndefined(parsed(body))
    const message = Option.match(messageIn(json), { onNone: () => body, onSome: ({ message }) => message })
    return { status: response.statusCode ?? 0, json, message }
  })

/** What went wrong with a connection. */
export const unreachable = (cause: unknown) =>
  new Unreachable(cause instanceof Error ? cause : new Error(String(cause)))

/** The API behind a socket, whose paths all have a prefix. */
export const apiAt = (socketPath: string, prefix: string): Api => {
  const agent = new Agent({ maxSockets: CONNECTIONS })
  const read = (response: IncomingMessage) =>
    Effect.tryPromise({ try: () => answerOf(response), catch: unreachable }).pipe(
      Effect.onInterrupt(() => Effect.sync(() => response.destroy())),
    )
  const refusal = (response: IncomingMessage) =>
    Effect.flatMap(read(response), ({ message }) => Effect.fail(new Refused(message)))

  /** A request with a connection of its own, which is used until the scope closes. */
  const open = <A>(
    options: RequestOptions,
    heard: (asked: ClientRequest, resume: (taken: Effect.Effect<A, Unreachable | Refused>) => void) => void,
  ): Effect.Effect<A, Unreachable | Refused, Scope.Scope> =>
    Effect.acquireRelease(
      Effect.sync(() => request({ socketPath, agent: false, ...options })),
      (asked) => Effect.sync(() => asked.destroy()),
    ).pipe(
      Effect.flatMap((asked) =>
        Effect.async<A, Unreachable | Refused>((resume) => {
          asked.on("error", (cause) => resume(Effect.fail(unreachable(cause))))
          heard(asked, resume)
          asked.end()
        }),
      ),
    )

  return {
    call: (method, path) =>
      Effect.async<IncomingMessage, Unreachable>((resume) => {
        const asked = request({ socketPath, agent, method, path: prefix + path }, (response) =>
          resume(Effect.succeed(response)),
        )
        asked.on("error", (cause) => resume(Effect.fail(unreachable(cause))))
        asked.end()
        return Effect.sync(() => asked.destroy())
      }).pipe(Effect.flatMap(read)),
    follow: (path) =>
      open<IncomingMessage>({ path: prefix + path }, (asked, resume) => {
        asked.on("response", (response) =>
          resume(response.statusCode === 200 ? Effect.succeed(response) : refusal(response)),
        )
      }),
    upgrade: (path) =>
      open<Upgraded>({ method: "POST", path: prefix + path, headers: UPGRADE }, (asked, resume) => {
        asked.on("upgrade", (_, socket, head) => resume(Effect.succeed({ socket, head })))
        asked.on("response", (response) => resume(refusal(response)))
      }).pipe(
        // After an upgrade the request no longer ends its connection.
        Effect.tap(({ socket }) => Effect.addFinalizer(() => Effect.sync(() => socket.destroy()))),
      ),
  }
}
