/** The service of one village, in memory on loopback: what `village.ts` speaks to in tests. */
import { Effect, Redacted, type Scope } from "effect"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

/** A village that serves. */
export interface VillageServer {
  readonly url: string
  readonly token: Redacted.Redacted
  /** The writes that it has done, in order: `METHOD PATH`, and the body. */
  readonly writes: ReadonlyArray<readonly [string, string]>
}

const TOKEN = "a-token-of-the-village-0123456789abcdef"

/** The repository `ada/cellar` with two issues, until the scope closes. */
export const villageServer: Effect.Effect<VillageServer, never, Scope.Scope> = Effect.gen(function* () {
  const writes: Array<readonly [string, string]> = []
  const issues = new Map([
    [17, { title: "The door", body: "It is an inch too wide.", author: "ada", closed: false }],
    [500, { title: "The roof", body: "Not ours.", author: "ada", closed: false }],
  ])

  const answer = (line: string, body: string): unknown => {
    if (line === "GET /me") return { login: "mason", id: 7 }
    const [, method, number, comments] =
      /^(GET|POST|PUT) \/ada\/cellar\/issues\/(\d+)(\/comments)?$/.exec(line) ?? []
    const issue = issues.get(Number(number))
    if (issue === undefined) return undefined
    if (method === "GET") return { ...issue, comments: [] }
    writes.push([line, (JSON.parse(body) as { readonly body: string }).body])
    return comments === undefined ? {} : { id: writes.length }
  }

  const server = yield* Effect.acquireRelease(
    Effect.async<ReturnType<typeof createServer>>((resume) => {
      const server = createServer((request, response) => {
        let body = ""
        request.on("data", (chunk) => (body += String(chunk)))
        request.on("end", () => {
          const known = request.headers.authorization === `Bearer ${TOKEN}`
          const found = known ? answer(`${request.method} ${request.url}`, body) : undefined
          response.statusCode = known ? (found === undefined ? 404 : 200) : 401
          response.end(JSON.stringify(found ?? {}))
        })
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      }),
  )
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, token: Redacted.make(TOKEN), writes }
})
