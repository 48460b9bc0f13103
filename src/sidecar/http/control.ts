/** The control socket of a sidecar: its identity, and the request to stop. Never mounted into a bottle. */
import { Effect, Option, Schema } from "effect"
import type { Scope } from "effect"
import { type IncomingMessage, type ServerResponse, createServer, request } from "node:http"
import { dirname } from "node:path"
import { type ListenFailure, listenUnix } from "./listenUnix.ts"

/** The status of a sidecar. */
export const SidecarStatus = Schema.Struct({
  slug: Schema.String,
  pid: Schema.Number,
  /** Whether its neck is open. */
  ready: Schema.Boolean,
  socketPath: Schema.String,
})
/** The status of a sidecar. */
export type SidecarStatus = typeof SidecarStatus.Type

/**
 * Serves `GET /status` and `POST /stop` at `path`, mode 0600. The response to a stop ends when the scope has closed, after everything
 * is done.
 */
export const serveControl = (
  path: string,
  status: () => SidecarStatus,
  stop: () => void,
): Effect.Effect<void, ListenFailure, Scope.Scope> =>
  Effect.gen(function* () {
    const server = yield* Effect.acquireRelease(
      Effect.sync(() =>
        createServer((request, response) => {
          answer(request, response, status(), stop)
        }),
      ),
      (server) =>
        Effect.sync(() => {
          server.close()
          server.closeAllConnections()
        }),
    )
    yield* listenUnix(server, path, 0o600, dirname(path))
  })

const answer = (
  request: IncomingMessage,
  response: ServerResponse,
  status: SidecarStatus,
  stop: () => void,
): void => {
  const route = `${request.method} ${request.url}`
  if (route === "GET /status") {
    response.setHeader("content-type", "application/json")
    response.end(JSON.stringify(status))
  } else if (route === "POST /stop") {
    response.write("stopping\n")
    stop()
  } else {
    response.statusCode = 404
    response.end("not found\n")
  }
}

const decodeStatus = Schema.decodeUnknownOption(Schema.parseJson(SidecarStatus))

/** Asks the sidecar at a control socket; none when there is no response. */
export const askStatus = (path: string): Effect.Effect<Option.Option<SidecarStatus>> =>
  talk(path, "GET", "/status").pipe(
    Effect.interruptible,
    Effect.timeoutOption("2 seconds"),
    Effect.map(Option.flatten),
    Effect.map(Option.flatMap(decodeStatus)),
  )

/** Asks the sidecar to stop, and returns when its process closes the connection; none when there is no response. */
export const askStop = (path: string): Effect.Effect<Option.Option<string>> => talk(path, "POST", "/stop")

/** What was received until the connection ended, however it ended. */
const talk = (path: string, method: string, url: string): Effect.Effect<Option.Option<string>> =>
  Effect.async((resume) => {
    const asked = request({ socketPath: path, method, path: url, agent: false }, (response) => {
      let text = ""
      response.setEncoding("utf8")
      response.on("data", (chunk: string) => (text += chunk))
      response.on("error", () => undefined)
      response.on("close", () => resume(Effect.succeedSome(text)))
    })
    asked.on("error", () => resume(Effect.succeedNone))
    asked.end()
    return Effect.sync(() => asked.destroy())
  })
