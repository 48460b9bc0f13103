/** Talks to a neck's Unix socket as an agent would. */
import { Effect } from "effect"
import { request } from "node:http"
import { createConnection } from "node:net"

/** An HTTP answer. */
export interface Answer {
  readonly status: number
  readonly text: string
  readonly json: () => unknown
}

/** Sends one request over a Unix socket. */
export const send = (
  socketPath: string,
  options: {
    readonly method?: string
    readonly path?: string
    readonly body?: string | Buffer
    readonly headers?: Record<string, string>
  },
): Effect.Effect<Answer, Error> =>
  Effect.async((resume) => {
    const asked = request(
      {
        socketPath,
        method: options.method ?? "POST",
        path: options.path ?? "/rpc",
        agent: false,
        headers: options.headers ?? {},
      },
      (response) => {
        let text = ""
        response.setEncoding("utf8")
        response.on("data", (chunk: string) => (text += chunk))
        response.on("end", () =>
          resume(
            Effect.succeed({
              status: response.statusCode ?? 0,
              text,
              json: () => JSON.parse(text) as unknown,
            }),
          ),
        )
        response.on("error", (error) => resume(Effect.fail(error)))
      },
    )
    asked.on("error", (error) => resume(Effect.fail(error)))
    asked.end(options.body)
  })

/** Calls a method over `/rpc` and answers the whole response. */
export const rpc = (socketPath: string, method: string, params: unknown, id: unknown = 1) =>
  Effect.map(
    send(socketPath, { body: JSON.stringify({ jsonrpc: "2.0", method, params, id }) }),
    (answer) => answer.json() as RpcAnswer,
  )

/** A JSON-RPC response. */
export interface RpcAnswer {
  readonly jsonrpc: "2.0"
  readonly id: unknown
  readonly result?: unknown
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown }
}

/** Writes bytes as they are and answers all that comes back until the other side closes. */
export const raw = (socketPath: string, bytes: string): Effect.Effect<string> =>
  Effect.async((resume) => {
    const socket = createConnection(socketPath)
    let text = ""
    socket.setEncoding("utf8")
    socket.on("data", (chunk: string) => (text += chunk))
    socket.on("error", () => undefined)
    socket.on("close", () => resume(Effect.succeed(text)))
    socket.write(bytes)
  })
