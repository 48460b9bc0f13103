/** A sidecar in this process with an allow-list, names that only a test knows, and clients that go through it. */
import * as GiteaForges from "../../src/layers/gitea/GiteaForges.ts"
import { Clock, ConfigProvider, Effect, Schedule } from "effect"
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { type AddressInfo, type Server, type Socket, connect, createServer } from "node:net"
import { join } from "node:path"
import { type TLSSocket, connect as connectTls, createServer as createTlsServer } from "node:tls"
import type { AllowEntry } from "../../src/domain/AllowList.ts"
import { NameUnknown, type Resolve, Resolver } from "../../src/sidecar/outside/Resolver.ts"
import { serve } from "./serve.ts"
import type { SidecarTimes } from "../../src/sidecar/SidecarSettings.ts"
import { decodeDocument } from "../../src/sidecar/SidecarDocument.ts"
import { tempDir } from "./tempDir.ts"

/** What a sidecar of a test lets out, and what its names lead to. */
export interface EgressWorld {
  readonly allow: ReadonlyArray<AllowEntry>
  /** Addresses by name; a list is used up one by one and its last stays. Others are unknown. */
  readonly names?: Readonly<Record<string, ReadonlyArray<string> | (() => ReadonlyArray<string>)>>
  readonly times?: SidecarTimes
  readonly loopback?: boolean
  /** Where it lives; a new one unless given. */
  readonly directory?: string
  /** Variables of the operator's environment. */
  readonly env?: Readonly<Record<string, string>>
  /** More of the document. */
  readonly document?: object
}

/** Serves a sidecar until the scope closes. */
export const egressWith = ({ allow, names = {}, times, loopback, env = {}, ...world }: EgressWorld) =>
  Effect.gen(function* () {
    const directory = world.directory ?? (yield* tempDir)
    const socketPath = join(directory, "run", "neck", "neck.sock")
    const resolved: Array<string> = []
    const resolve: Resolve = (name) =>
      Effect.suspend(() => {
        resolved.push(name)
        const found = names[name]
        return found === undefined
          ? new NameUnknown({ code: "ENOTFOUND" })
          : Effect.succeed(typeof found === "function" ? found() : found)
      })
    const text = JSON.stringify({
      slug: "door-abcde",
      socketPath,
      stateDir: join(directory, "state"),
      egress: { allow },
      ...(loopback === true && { loopback: true }),
      ...world.document,
    })
    yield* serve(yield* decodeDocument(text), { drainMs: 200, ...times }).pipe(
      Effect.provide(GiteaForges.layer),
      Effect.provideService(Resolver, resolve),
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(env)))),
    )
    const operations = join(directory, "state", "operations.jsonl")
    const entries = () =>
      readFileSync(operations, "utf8")
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    return { directory, socketPath, resolved, operations, entries }
  })

/** A server of TCP on loopback that keeps its connections. */
export const tcpServer = (onConnection: (socket: Socket) => void) =>
  listening(createServer({ allowHalfOpen: true }, onConnection))

/** A server on a loopback port; it closes with the scope, its connections too. */
export const listening = <S extends Server>(server: S) =>
  Effect.gen(function* () {
    const sockets = new Set<Socket>()
    server.on("connection", (socket: Socket) => {
      socket.on("error", () => undefined)
      sockets.add(socket)
      socket.once("close", () => sockets.delete(socket))
    })
    yield* Effect.acquireRelease(
      Effect.async<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () => Effect.sync(() => (sockets.forEach((socket) => socket.destroy()), server.close())),
    )
    return { server, sockets, port: (server.address() as AddressInfo).port }
  })

/** A certificate of its own for some names. */
export const certificate = (directory: string, names: ReadonlyArray<string>) => {
  const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")]
  const sans = names.map((name) => `DNS:${name}`).join(",")
  const args = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
  execFileSync(
    "openssl",
    [
      ...args,
      "-keyout",
      key,
      "-out",
      cert,
      "-days",
      "2",
      "-subj",
      "/CN=test",
      "-addext",
      `subjectAltName=${sans}`,
    ],
    { stdio: "ignore" },
  )
  return { key: readFileSync(key), cert: readFileSync(cert), certFile: cert }
}

/** A server of TLS that answers what it is told. */
export const tlsServer = (names: ReadonlyArray<string>, onConnection?: (socket: TLSSocket) => void) =>
  Effect.gen(function* () {
    const directory = yield* tempDir
    const made = certificate(directory, names)
    const server = createTlsServer(made, onConnection ?? ((socket) => void socket.pipe(socket)))
    server.on("tlsClientError", () => undefined)
    return { ...(yield* listening(server)), ...made }
  })

/** What a CONNECT was answered. */
export interface Connected {
  readonly status: number
  /** The answer's body when it was refused. */
  readonly text: string
  readonly socket: Socket
}

/** Asks for a tunnel; `behind` is sent at once, in the same write. Fails after 10 s. */
export const openTunnel = (
  where: string | number,
  authority: string,
  options: { readonly behind?: Buffer | string; readonly headers?: string } = {},
): Effect.Effect<Connected, Error> =>
  Effect.async<Connected, Error>((resume) => {
    const socket =
      typeof where === "string"
        ? connect({ path: where, allowHalfOpen: true })
        : connect({ port: where, host: "127.0.0.1", allowHalfOpen: true })
    let seen = Buffer.alloc(0)
    socket.on("error", () => undefined)
    const look = (isOver: boolean) => {
      const at = seen.indexOf("\r\n\r\n")
      const status = Number(/^HTTP\/1\.1 (\d+) /.exec(seen.toString("latin1"))?.[1] ?? 0)
      if (at < 0 || (status !== 200 && !isOver)) {
        if (isOver) resume(Effect.fail(new Error(`no answer to CONNECT ${authority}: ${String(seen)}`)))
        return
      }
      socket.off("data", onData).off("end", onEnd).off("close", onEnd)
      if (status === 200) {
        socket.pause()
        if (seen.length > at + 4) socket.unshift(seen.subarray(at + 4))
      } else socket.end()
      resume(Effect.succeed({ status, text: seen.subarray(at + 4).toString("utf8"), socket }))
    }
    const onData = (chunk: Buffer) => {
      seen = Buffer.concat([seen, chunk])
      look(false)
    }
    const onEnd = () => look(true)
    socket.on("data", onData).on("end", onEnd).on("close", onEnd)
    const head = `CONNECT ${authority} HTTP/1.1\r\nhost: ${authority}\r\n${options.headers ?? ""}\r\n`
    socket.write(Buffer.concat([Buffer.from(head, "latin1"), Buffer.from(options.behind ?? "")]))
  }).pipe(Effect.timeoutFail({ duration: "10 seconds", onTimeout: () => new Error("CONNECT hangs") }))

/** All that comes until the other side ends or closes. */
export const rest = (socket: Socket): Effect.Effect<Buffer, Error> =>
  Effect.async<Buffer>((resume) => {
    const chunks: Array<Buffer> = []
    const done = () => resume(Effect.succeed(Buffer.concat(chunks)))
    socket.on("data", (chunk: Buffer) => chunks.push(chunk))
    socket.once("end", done).once("close", done)
    if (socket.readableEnded || socket.closed) done()
    socket.resume()
  }).pipe(Effect.timeoutFail({ duration: "10 seconds", onTimeout: () => new Error("no end") }))

/** Speaks TLS over a socket; fails with the alert's or the check's error. */
export const secure = (
  socket: Socket,
  servername: string | undefined,
  ca: Buffer,
): Effect.Effect<TLSSocket, NodeJS.ErrnoException> =>
  Effect.async((resume) => {
    const tls = connectTls({ socket, ca, ...(servername !== undefined && { servername }) })
    tls.once("secureConnect", () => resume(Effect.succeed(tls)))
    tls.on("error", (error) => resume(Effect.fail(error)))
    tls.once("close", () => resume(Effect.fail(new Error("closed"))))
  })

/** Waits until it is so, at most 5 s. */
export const eventually = (isSo: () => boolean): Effect.Effect<void> =>
  Effect.sync(isSo).pipe(
    Effect.repeat({
      until: (so) => so,
      schedule: Schedule.intersect(Schedule.spaced(10), Schedule.recurs(500)),
    }),
    Effect.withClock(Clock.make()),
    Effect.asVoid,
  )
