/** Routes of the sidecar as a process: over TLS, with large bodies, and what can be seen of it from outside. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { readFileSync, readdirSync } from "node:fs"
import { createServer as createProxy, request } from "node:http"
import { createServer } from "node:https"
import { type AddressInfo, connect } from "node:net"
import { join } from "node:path"
import { Readable } from "node:stream"
import { send } from "../../support/rpc.ts"
import { documentIn, SOURCES, startingFrom } from "../../support/sidecarProcess.ts"
import { tempDir } from "../../support/tempDir.ts"
import { KEY, routeTo, upstream } from "../../support/upstream.ts"

/** A server for the name `localhost`, and the file of the certificate that it has. */
const tlsUpstream = (directory: string) =>
  Effect.gen(function* () {
    const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")]
    execFileSync(
      "openssl",
      [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
      ].concat([
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
        "-keyout",
        key,
        "-out",
        cert,
      ]),
      { stdio: "ignore" },
    )
    const seen: Array<string | undefined> = []
    const server = createServer(
      { key: readFileSync(key), cert: readFileSync(cert) },
      (incoming, response) => {
        seen.push(incoming.headers.authorization)
        response.end(`${incoming.headers.host}`)
      },
    )
    yield* Effect.acquireRelease(
      Effect.async<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () => Effect.sync(() => (server.closeAllConnections(), server.close())),
    )
    return { cert, seen, port: (server.address() as AddressInfo).port }
  })

const memory = (pid: number | undefined, what: "VmRSS" | "VmHWM"): number =>
  Number(new RegExp(`${what}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024

/** Sends so many MiB through a route as fast as they are taken. */
const upload = (socketPath: string, mebibytes: number) =>
  Effect.async<string>((resume) => {
    const part = Buffer.alloc(1 << 20)
    const asked = request({ socketPath, path: "/route/api/up", method: "POST", agent: false }, (answer) => {
      let text = ""
      answer.on("data", (chunk: Buffer) => (text += chunk.toString()))
      answer.on("end", () => resume(Effect.succeed(text)))
    })
    Readable.from(Array.from({ length: mebibytes }, () => part)).pipe(asked)
  })

describe.each(SOURCES)("the sidecar process with a route, from %s", (source) => {
  const start = startingFrom(source)

  it.scopedLive("speaks TLS with upstreams whose certificate it can check, and with no others", () =>
    Effect.gen(function* () {
      const directory = yield* tempDir
      const { cert, seen, port } = yield* tlsUpstream(directory)
      const document = documentIn(directory, {
        routes: [
          routeTo(`https://localhost:${port}`),
          routeTo(`https://127.0.0.1:${port}`, { name: "other" }),
        ],
      })
      const known = yield* start(JSON.stringify(document), { env: { NODE_EXTRA_CA_CERTS: cert } })
      yield* known.ready
      const ask = (name: string) => send(document.socketPath, { path: `/route/${name}/x`, method: "GET" })
      expect(yield* ask("api")).toMatchObject({ status: 200, text: `localhost:${port}` })
      expect(yield* ask("other")).toMatchObject({
        status: 502,
        text: "route other: the upstream could not be reached (ERR_TLS_CERT_ALTNAME_INVALID)\n",
      })
      known.child.kill()
      yield* known.ended

      const stranger = yield* start(JSON.stringify(document))
      yield* stranger.ready
      expect((yield* ask("api")).text).toMatch(/could not be reached \((DEPTH_ZERO_)?SELF_SIGNED_CERT/)
      expect(seen).toEqual([`Bearer ${KEY}`])
    }),
  )

  it.scopedLive("goes through the operator's proxy, and says what that answers", () =>
    Effect.gen(function* () {
      const directory = yield* tempDir
      const { cert, seen, port } = yield* tlsUpstream(directory)
      const tunnels: Array<string> = []
      const proxy = createProxy()
      proxy.on("connect", (incoming, socket) => {
        tunnels.push(incoming.url ?? "")
        socket.on("error", () => undefined)
        if (incoming.url !== `localhost:${port}`) {
          socket.end("HTTP/1.1 403 Forbidden\r\n\r\n")
          return
        }
        socket.write("HTTP/1.1 200 OK\r\n\r\n")
        const onward = connect(port, "127.0.0.1")
        onward.on("error", () => socket.destroy())
        socket.pipe(onward).pipe(socket)
      })
      yield* Effect.acquireRelease(
        Effect.async<void>((resume) => void proxy.listen(0, "127.0.0.1", () => resume(Effect.void))),
        () => Effect.sync(() => (proxy.closeAllConnections(), proxy.close())),
      )
      const document = documentIn(directory, {
        routes: [
          // Its name leads to a private address here, but the proxy is asked and not we.
          routeTo(`https://localhost:${port}`, { private: false }),
          routeTo("https://denied.example", { name: "denied" }),
          routeTo(`https://127.0.0.1:${port}`, { name: "direct" }),
        ],
      })
      const { ready } = yield* start(JSON.stringify(document), {
        env: {
          NODE_EXTRA_CA_CERTS: cert,
          HTTPS_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
          NO_PROXY: "127.0.0.1",
        },
      })
      yield* ready
      const ask = (name: string) => send(document.socketPath, { path: `/route/${name}/x`, method: "GET" })
      expect(yield* ask("api")).toMatchObject({ status: 200, text: `localhost:${port}` })
      expect(yield* ask("api")).toMatchObject({ status: 200 })
      expect(yield* ask("denied")).toMatchObject({
        status: 502,
        text: "route denied: the upstream could not be reached (the operator's proxy answered 403)\n",
      })
      expect((yield* ask("direct")).text).toContain("ERR_TLS_CERT_ALTNAME_INVALID")
      // Connections are kept: two calls went through one tunnel.
      expect(tunnels).toEqual([`localhost:${port}`, "denied.example:443"])
      expect(seen).toEqual([`Bearer ${KEY}`, `Bearer ${KEY}`])
    }),
  )

  it.scopedLive("passes 128 MiB on to an upstream that is slower, and holds no more than a few of them", () =>
    Effect.gen(function* () {
      const directory = yield* tempDir
      let received = 0
      const model = yield* upstream((incoming, response) => {
        incoming.on("data", (chunk: Buffer) => {
          received += chunk.length
          incoming.pause()
          setImmediate(() => incoming.resume())
        })
        incoming.on("end", () => response.end(String(received)))
      })
      const document = documentIn(directory, { routes: [routeTo(model.url)] })
      const { child, ready } = yield* start(JSON.stringify(document), {
        flags: ["--max-semi-space-size=1", "--max-old-space-size=96"],
      })
      yield* ready
      const before = memory(child.pid, "VmRSS")
      expect(yield* upload(document.socketPath, 128)).toBe(String(128 << 20))
      expect(memory(child.pid, "VmHWM") - before).toBeLessThan(40)
    }),
  )

  it.scopedLive("shows its key nowhere: not in arguments, environment, state or what it says", () =>
    Effect.gen(function* () {
      const directory = yield* tempDir
      const model = yield* upstream()
      const document = documentIn(directory, {
        routes: [routeTo(model.url), routeTo("http://127.0.0.1:1", { name: "none" })],
      })
      const { child, ready, output } = yield* start(JSON.stringify(document))
      yield* ready
      const answers = yield* Effect.forEach(
        ["/route/api/x", "/route/none/x", "/route/x", "/route/api/../x"],
        (path) => send(document.socketPath, { path, body: "x" }),
      )
      const said = [
        ...answers.map(({ text }) => text),
        readFileSync(`/proc/${child.pid}/cmdline`, "utf8"),
        readFileSync(`/proc/${child.pid}/environ`, "utf8"),
        output.stdout + output.stderr,
        ...readdirSync(directory, { recursive: true, encoding: "utf8", withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8")),
      ]
      expect(said.some((text) => text.includes(KEY))).toBe(false)
      expect(model.asked[0]?.headers.authorization).toBe(`Bearer ${KEY}`)
    }),
  )
})
