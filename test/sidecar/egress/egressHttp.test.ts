import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { Agent, request } from "node:http"
import { type Socket, connect } from "node:net"
import { join } from "node:path"
import { egressWith, openTunnel, rest, tcpServer } from "../../support/egress.ts"
import { raw, send } from "../../support/rpc.ts"
import { upstream } from "../../support/upstream.ts"

const HOST = "files.example.com"
const LOOPBACK = { [HOST]: ["127.0.0.1"] }
const portOf = (url: string) => Number(new URL(url).port)

describe("plain HTTP by a URL", () => {
  it.scoped("goes to the host that is listed, and its answer comes back", () =>
    Effect.gen(function* () {
      const { url, asked } = yield* upstream()
      const port = portOf(url)
      const neck = yield* egressWith({ allow: [{ host: HOST, port, private: true }], names: LOOPBACK })
      const answer = yield* send(neck.socketPath, {
        method: "PUT",
        path: `HTTP://Files.Example.COM.:${port}/a/b?c=%20d`,
        body: "some body",
        headers: {
          host: "evil.example",
          authorization: "Bearer its-own",
          connection: "close, X-Hop, Content-Length",
          "x-hop": "1",
          "proxy-authorization": "Basic eDp5",
          "proxy-connection": "keep-alive",
          te: "trailers",
          upgrade: "websocket",
          "content-length": "9",
        },
      })
      expect([answer.status, answer.text]).toEqual([200, "PUT /a/b?c=%20d"])
      expect(asked).toMatchObject([{ method: "PUT", url: "/a/b?c=%20d", body: "some body" }])
      expect(asked[0]?.headers).toEqual({
        host: `${HOST}:${port}`,
        authorization: "Bearer its-own",
        "content-length": "9",
        connection: "close",
      })
      expect(neck.entries()).toMatchObject([
        { op: "egress", target: `${HOST}:${port}`, phase: "begin", outcome: "ok" },
        { phase: "end", begin: 1, outcome: "ok", detail: "PUT answered 200, 9 bytes up, 15 bytes down" },
      ])
    }),
  )

  it.scoped("is asked of the list anew with each request of a connection", () =>
    Effect.gen(function* () {
      const { url, asked } = yield* upstream()
      const port = portOf(url)
      const answers = [["127.0.0.1"], ["192.0.2.1"], ["127.0.0.1"]]
      const neck = yield* egressWith({
        allow: [
          { host: HOST, port, private: true },
          { host: "other.example", port },
        ],
        names: { [HOST]: ["127.0.0.1"], "other.example": () => answers.shift() ?? [] },
      })
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      yield* Effect.addFinalizer(() => Effect.sync(() => agent.destroy()))
      const sockets = new Set<unknown>()
      const get = (path: string, host: string) =>
        Effect.async<number, Error>((resume) => {
          const options = { socketPath: neck.socketPath, path, agent, headers: { host } }
          const outgoing = request(options, (answer) => {
            answer.resume().on("end", () => resume(Effect.succeed(answer.statusCode ?? 0)))
          })
          outgoing.on("socket", (socket) => sockets.add(socket))
          outgoing.on("error", (error) => resume(Effect.fail(error)))
          outgoing.end()
        })
      expect(yield* get(`http://${HOST}:${port}/1`, HOST)).toBe(200)
      expect(yield* get(`http://evil.example:${port}/2`, HOST)).toBe(403)
      expect(yield* get(`http://192.0.2.1:${port}/3`, HOST)).toBe(403)
      expect(yield* get(`http://${HOST}/4`, HOST)).toBe(403)
      expect(yield* get(`http://other.example:${port}/5`, HOST)).toBe(403)
      expect(yield* get(`http://${HOST}:${port}/6`, "evil.example")).toBe(200)
      expect(yield* get("http://127.0.0.1:7317/healthz", HOST)).toBe(200)
      expect(sockets.size).toBe(1)
      expect(asked.map((one) => [one.url, one.headers.host])).toEqual([
        ["/1", `${HOST}:${port}`],
        ["/6", `${HOST}:${port}`],
      ])
      expect(neck.resolved).toEqual([HOST, "other.example", HOST])
    }),
  )

  it.scoped("is refused when it is not a URL of plain HTTP, or has two meanings", () =>
    Effect.gen(function* () {
      const { seen, port } = yield* untouched
      const neck = yield* egressWith({ allow: [{ host: HOST, port, private: true }], names: LOOPBACK })
      for (const [url, status] of [
        [`https://${HOST}:${port}/`, 400],
        [`ftp://${HOST}:${port}/`, 400],
        [`http://user@${HOST}:${port}/`, 400],
        [`http://u:p@${HOST}:${port}/`, 400],
        [`http://evil.example\\@${HOST}:${port}/`, 400],
        [`http://${HOST}:${port}#/`, 400],
        [`http://${HOST}:${port}/a#b`, 400],
        [`http://${HOST}:0/`, 400],
        [`http://${HOST}:99999/`, 400],
        [`http:///${HOST}:${port}/`, 400],
        [`http://[::1]:${port}/`, 403],
        [`http://127.1:${port}/`, 403],
        [`http://localhost:${port}/`, 403],
        [`http://${HOST}.evil.example:${port}/`, 403],
      ] as const) {
        const answer = yield* raw(
          neck.socketPath,
          `GET ${url} HTTP/1.1\r\nhost: ${HOST}\r\nconnection: close\r\n\r\n`,
        )
        expect([url, answer.slice(9, 12)]).toEqual([url, String(status)])
      }
      const post = `POST http://${HOST}:${port}/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n`
      for (const framing of [
        "content-length: 1\r\ncontent-length: 2\r\n\r\nab",
        "content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "transfer-encoding : chunked\r\n\r\n0\r\n\r\n",
        "x: a\r\n folded: b\r\ncontent-length: 1, 1\r\n\r\na",
        "content-length: +1\r\n\r\na",
      ]) {
        expect(yield* raw(neck.socketPath, post + framing), framing).toMatch(/^HTTP\/1\.1 400 /)
      }
      expect(seen).toEqual([])
      expect(neck.resolved).toEqual([])
    }),
  )

  it.scoped("streams bodies in both directions, and passes on what the host says of itself", () =>
    Effect.gen(function* () {
      const { url } = yield* upstream((incoming, response) => {
        response.writeHead(207, {
          "x-own": "1",
          "set-cookie": ["a=1", "b=2"],
          connection: "X-Gone",
          "x-gone": "1",
        })
        incoming.pipe(response)
      })
      const port = portOf(url)
      const neck = yield* egressWith({ allow: [{ host: HOST, port, private: true }], names: LOOPBACK })
      const size = 8 * 1024 * 1024
      const { head, received } = yield* Effect.async<{ head: Record<string, unknown>; received: number }>(
        (resume) => {
          const outgoing = request(
            { socketPath: neck.socketPath, method: "POST", path: `http://${HOST}:${port}/`, agent: false },
            (answer) => {
              let received = 0
              answer.on("data", (chunk: Buffer) => (received += chunk.length))
              answer.on("end", () =>
                resume(Effect.succeed({ head: { status: answer.statusCode, ...answer.headers }, received })),
              )
            },
          )
          outgoing.write(Buffer.alloc(size / 2))
          outgoing.end(Buffer.alloc(size / 2))
        },
      )
      expect(received).toBe(size)
      expect(head).toMatchObject({ status: 207, "x-own": "1", "set-cookie": ["a=1", "b=2"] })
      expect(head["x-gone"]).toBeUndefined()
    }),
  )

  it.scopedLive("is told of a host that breaks off, says nothing, or speaks another protocol", () =>
    Effect.gen(function* () {
      const says = (text: string | undefined) =>
        tcpServer((socket) => {
          socket.on("data", () => (text === undefined ? undefined : socket.end(text)))
        })
      const tries = [
        ["", 502, "broke off"],
        ["nonsense\r\n\r\n", 502, "broke off"],
        ["HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", 502, "another protocol"],
        [
          "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
          502,
          "broke off",
        ],
        [undefined, 504, "said nothing"],
      ] as const
      for (const [text, status, reason] of tries) {
        const { port } = yield* says(text)
        const neck = yield* egressWith({
          allow: [{ host: HOST, port, private: true }],
          names: LOOPBACK,
          times: { egressIdleMs: 300 },
        })
        const answer = yield* send(neck.socketPath, { method: "GET", path: `http://${HOST}:${port}/` })
        expect([text, answer.status]).toEqual([text, status])
        expect(answer.text).toContain(reason)
        expect(neck.entries().at(-1)).toMatchObject({ phase: "end", outcome: "failed" })
      }
    }),
  )
})

/** A server that must never be reached. */
const untouched = Effect.gen(function* () {
  const seen: Array<Socket> = []
  const { port } = yield* tcpServer((socket) => void seen.push(socket))
  return { port, seen }
})

describe("egress of a neck on loopback", () => {
  it.scoped("needs the run's password, for both ways out, and keeps it to itself", () =>
    Effect.gen(function* () {
      const { url, asked } = yield* upstream()
      const port = portOf(url)
      const neck = yield* egressWith({
        allow: [{ host: HOST, port, private: true, tls: false }],
        names: LOOPBACK,
        loopback: true,
      })
      const file = readFileSync(join(neck.directory, "run", "neck", "loopback"), "utf8")
      const proxy = new URL(/^export HTTPS_PROXY='([^']*)'$/m.exec(file)?.[1] ?? "")
      const basic = Buffer.from(`${proxy.username}:${proxy.password}`).toString("base64")
      const at = Number(proxy.port)
      const password = `proxy-authorization: Basic ${basic}\r\n`
      const get = (headers: string) =>
        Effect.flatMap(
          Effect.sync(() => {
            const socket = connect(at, "127.0.0.1")
            socket.write(
              `GET http://${HOST}:${port}/x HTTP/1.1\r\nhost: ${HOST}\r\nconnection: close\r\n${headers}\r\n`,
            )
            return socket
          }),
          rest,
        )
      expect(String(yield* get(""))).toMatch(/^HTTP\/1.1 407 /)
      expect(String(yield* get("proxy-authorization: Basic Ym90dGxlOng=\r\n"))).toMatch(/^HTTP\/1.1 407 /)
      expect(String(yield* get(password))).toMatch(/^HTTP\/1.1 200 [^]*GET \/x/)
      expect((yield* openTunnel(at, `${HOST}:${port}`)).status).toBe(407)
      expect((yield* openTunnel(at, "evil.example:443", { headers: password })).status).toBe(403)
      const { status, socket } = yield* openTunnel(at, `${HOST}:${port}`, {
        headers: password,
        behind: `GET /y HTTP/1.1\r\nhost: ${HOST}\r\nconnection: close\r\n\r\n`,
      })
      expect(status).toBe(200)
      expect(String(yield* rest(socket))).toMatch(/^HTTP\/1.1 200 [^]*GET \/y/)
      expect(asked.map((one) => one.url)).toEqual(["/x", "/y"])
      expect(asked[0]?.headers["proxy-authorization"]).toBeUndefined()
    }),
  )
})

describe("the operator's proxy", () => {
  /** A proxy that says what it was asked, and lets everything through to one port. */
  const proxyTo = (port: number, answer = "HTTP/1.1 200 OK\r\n\r\n") =>
    Effect.gen(function* () {
      const heads: Array<string> = []
      const proxy = yield* tcpServer((socket) => {
        socket.once("data", (chunk: Buffer) => {
          heads.push(String(chunk))
          socket.write(answer)
          const onward = connect(port, "127.0.0.1")
          onward.on("error", () => undefined)
          socket.pipe(onward)
          onward.pipe(socket)
        })
      })
      return { heads, url: `http://ada:s%40e@127.0.0.1:${proxy.port}` }
    })
  const basic = Buffer.from("ada:s@e").toString("base64")

  it.scoped("is asked for tunnels, with its password, after the list and without resolving the name", () =>
    Effect.gen(function* () {
      const echo = yield* tcpServer((socket) => void socket.pipe(socket))
      const { heads, url } = yield* proxyTo(echo.port)
      const neck = yield* egressWith({ allow: [{ host: HOST, tls: false }], env: { HTTPS_PROXY: url } })
      const { status, socket } = yield* openTunnel(neck.socketPath, `${HOST}:443`)
      expect(status).toBe(200)
      socket.end("through")
      expect(String(yield* rest(socket))).toBe("through")
      expect((yield* openTunnel(neck.socketPath, "evil.example:443")).status).toBe(403)
      expect(heads).toHaveLength(1)
      expect(heads[0]).toMatch(new RegExp(`^CONNECT ${HOST}:443 HTTP/1.1\r\n`))
      expect(heads[0]).toContain(`proxy-authorization: Basic ${basic}`)
      expect(neck.resolved).toEqual([])
    }),
  )

  it.scoped("still does not carry a hello for another host", () =>
    Effect.gen(function* () {
      const { port, seen } = yield* untouched
      const { url } = yield* proxyTo(port)
      const neck = yield* egressWith({ allow: [HOST], env: { https_proxy: url } })
      const { status, socket } = yield* openTunnel(neck.socketPath, `${HOST}:443`, {
        behind: "GET / HTTP/1.1\r\n\r\n",
      })
      expect(status).toBe(200)
      expect(String(yield* rest(socket))).toContain("403")
      for (const one of seen) expect(one.bytesRead).toBe(0)
    }),
  )

  it.scoped("is asked for plain HTTP by the whole URL", () =>
    Effect.gen(function* () {
      const { url, asked } = yield* upstream()
      const proxy = new URL(url)
      proxy.username = "ada"
      proxy.password = "s%40e"
      const neck = yield* egressWith({ allow: [HOST], env: { HTTP_PROXY: proxy.href } })
      const answer = yield* send(neck.socketPath, {
        method: "GET",
        path: `http://${HOST}/x?y`,
        headers: { "proxy-authorization": "Basic bm9uZQ==" },
      })
      expect(answer.status).toBe(200)
      expect(asked).toMatchObject([{ url: `http://${HOST}/x?y`, headers: { host: HOST } }])
      expect(asked[0]?.headers["proxy-authorization"]).toBe(`Basic ${basic}`)
    }),
  )

  it.scoped("is passed by for what NO_PROXY names", () =>
    Effect.gen(function* () {
      const echo = yield* tcpServer((socket) => void socket.pipe(socket))
      const { heads, url } = yield* proxyTo(echo.port)
      for (const [exceptions, isPassedBy] of [
        [HOST, true],
        ["a, .example.com", true],
        ["*.example.com", true],
        ["example.com", true],
        [`example.com:${echo.port}`, true],
        ["*", true],
        ["example.com:1", false],
        ["ample.com", false],
        ["", false],
      ] as const) {
        const neck = yield* egressWith({
          allow: [{ host: HOST, port: echo.port, private: true, tls: false }],
          names: LOOPBACK,
          env: { HTTPS_PROXY: url, NO_PROXY: exceptions },
        })
        const before = heads.length
        const { status, socket } = yield* openTunnel(neck.socketPath, `${HOST}:${echo.port}`)
        socket.destroy()
        expect([exceptions, status, heads.length === before]).toEqual([exceptions, 200, isPassedBy])
      }
    }),
  )

  it.scoped("that refuses, or is none, fails the call in words", () =>
    Effect.gen(function* () {
      const { url } = yield* proxyTo(9, "HTTP/1.1 407 No\r\n\r\n")
      const refusing = yield* egressWith({ allow: [HOST], env: { HTTPS_PROXY: url } })
      expect(yield* openTunnel(refusing.socketPath, `${HOST}:443`)).toMatchObject({
        status: 502,
        text: `egress to ${HOST}:443 failed: the operator's proxy answered 407\n`,
      })
      const percent = yield* egressWith({ allow: [HOST], env: { HTTPS_PROXY: "http://a:5%@127.0.0.1:1" } })
      expect((yield* openTunnel(percent.socketPath, `${HOST}:443`)).text).toContain("ECONNREFUSED")
      const odd = yield* egressWith({ allow: [HOST], env: { HTTPS_PROXY: "socks5://127.0.0.1:1" } })
      expect((yield* openTunnel(odd.socketPath, `${HOST}:443`)).text).toContain("neither http nor https")
    }),
  )
})
