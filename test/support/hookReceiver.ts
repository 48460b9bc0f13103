/** A server on loopback that webhooks are sent to. */
import { Effect, type Scope } from "effect"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

/** A delivery as it arrived. */
export interface Received {
  readonly headers: Readonly<Record<string, string>>
  /** The body, byte for byte. */
  readonly raw: string
}

/** A server, and what arrived. */
export interface HookReceiver {
  readonly url: string
  readonly received: ReadonlyArray<Received>
  /** The status of its answers from now on; a function is given how many have arrived. */
  readonly answer: (status: number | ((count: number) => number)) => void
}

/** Starts one that ends with the scope; it answers 202. */
export const hookReceiver: Effect.Effect<HookReceiver, never, Scope.Scope> = Effect.gen(function* () {
  const received: Array<Received> = []
  let status: number | ((count: number) => number) = 202
  const server = createServer((request, response) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      const headers = Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
      )
      received.push({ headers, raw: Buffer.concat(chunks).toString("utf8") })
      response.writeHead(typeof status === "number" ? status : status(received.length)).end()
    })
  })
  yield* Effect.acquireRelease(
    Effect.async<void>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.void))
    }),
    () =>
      Effect.async<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      }),
  )
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/webhook`,
    received,
    answer: (next) => {
      status = next
    },
  }
})
