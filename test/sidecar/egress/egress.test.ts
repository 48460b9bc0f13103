import { describe, expect, it } from "@effect/vitest"
import { Effect, FastCheck as fc } from "effect"
import { existsSync, statSync } from "node:fs"
import { type Socket, connect } from "node:net"
import { join } from "node:path"
import { verifyChain } from "../../../src/sidecar/record/OperationChain.ts"
import { extension, helloFor, message, records, serverName } from "../../support/clientHello.ts"
import {
  egressWith,
  eventually,
  openTunnel,
  rest,
  secure,
  tcpServer,
  tlsServer,
} from "../../support/egress.ts"
import { raw } from "../../support/rpc.ts"
import { tempDir } from "../../support/tempDir.ts"

const HOST = "api.example.com"
const LOOPBACK = { [HOST]: ["127.0.0.1"] }

const lines = (entries: ReadonlyArray<Record<string, unknown>>) =>
  entries.map(({ phase, outcome, reason }) => [phase, outcome, reason])

/** A server that must never be reached. */
const untouched = Effect.gen(function* () {
  const seen: Array<Socket> = []
  const { port, server } = yield* tcpServer((socket) => void seen.push(socket))
  return { port, server, seen }
})

describe("a tunnel", () => {
  it.scoped("leads to the host that is listed, end to end, and is logged before and after", () =>
    Effect.gen(function* () {
      const { port, cert } = yield* tlsServer([HOST])
      const neck = yield* egressWith({ allow: [{ host: HOST, port, private: true }], names: LOOPBACK })
      const { status, socket } = yield* openTunnel(neck.socketPath, `API.Example.COM.:${port}`)
      expect(status).toBe(200)
      const tls = yield* secure(socket, HOST, cert)
      expect(tls.authorized).toBe(true)
      expect(neck.entries()).toMatchObject([
        { op: "egress", target: `${HOST}:${port}`, phase: "begin", outcome: "ok" },
      ])
      tls.end("hello")
      expect(String(yield* rest(tls))).toBe("hello")
      yield* rest(socket)
      yield* ended(neck, 2)
      const [, end] = neck.entries()
      expect(end).toMatchObject({ phase: "end", begin: 1, outcome: "ok", target: `${HOST}:${port}` })
      expect(end?.["detail"]).toMatch(/^\d{3,} bytes up, \d{3,} bytes down$/)
      expect(neck.resolved).toEqual([HOST])
      expect(existsSync(join(neck.directory, "state", "checkin"))).toBe(true)
    }),
  )

  it.scoped("is refused to all but what is listed, before any name is resolved, and logged as such", () =>
    Effect.gen(function* () {
      const neck = yield* egressWith({ allow: [HOST, "*.wild.example"], names: LOOPBACK })
      const hosts = [
        "example.com",
        "evil.example",
        `${HOST}.evil.example`,
        "wild.example",
        "192.0.2.1",
        "3221225985",
        "0xC0.0.2.1",
        "0300.0.2.01",
        "192.0.513",
        "127.0.0.1",
        "127.1",
        "0",
        "localhost",
        "[::1]",
        "[::ffff:192.0.2.1]",
        "[2001:db8::1]",
        "[fe80::1%25lo]",
        "[fe80::1%lo]",
        "169.254.169.254",
        "1.2.3.08",
        "a%2eexample",
        "-",
      ]
      for (const host of hosts) {
        const { status, text } = yield* openTunnel(neck.socketPath, `${host}:443`)
        expect([host, status]).toEqual([host, 403])
        expect(text).toMatch(/^egress to \S+:443 denied: [^\n]+\n$/)
      }
      for (const port of [80, 8443, 22, 1]) {
        const { status, text } = yield* openTunnel(neck.socketPath, `${HOST}:${port}`)
        expect([status, text]).toEqual([
          403,
          `egress to ${HOST}:${port} denied: it is not on this bottle's allow-list\n`,
        ])
      }
      expect(neck.resolved).toEqual([])
      const entries = neck.entries()
      expect(entries).toHaveLength(hosts.length + 4)
      for (const entry of entries) expect(entry).toMatchObject({ op: "egress", outcome: "rejected" })
      expect(verifyChain(entries.map((entry) => JSON.stringify(entry))).ok).toBe(true)
    }),
  )

  it.scoped("is refused as malformed when its target cannot be read", () =>
    Effect.gen(function* () {
      const neck = yield* egressWith({ allow: [HOST] })
      for (const authority of [
        HOST,
        `${HOST}:`,
        `${HOST}:0`,
        `${HOST}:0443`,
        `${HOST}:65536`,
        `${HOST}:443x`,
        `${HOST}:443:443`,
        `user@${HOST}:443`,
        `user:pass@${HOST}:443`,
        "::1:443",
        "[::1:443",
        ":443",
      ]) {
        const answer = yield* raw(neck.socketPath, `CONNECT ${authority} HTTP/1.1\r\nhost: x\r\n\r\n`)
        expect([authority, answer.slice(0, 12)]).toEqual([authority, "HTTP/1.1 400"])
      }
      for (const framing of ["content-length: 5", "transfer-encoding: chunked"]) {
        const { status } = yield* openTunnel(neck.socketPath, `${HOST}:443`, { headers: `${framing}\r\n` })
        expect(status).toBe(400)
      }
      expect(neck.resolved).toEqual([])
    }),
  )

  it.scoped("is refused when the name has no address that may be dialled, and dials none of them", () =>
    Effect.gen(function* () {
      const { port, seen } = yield* untouched
      const inside = [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "198.51.100.7",
        "168.63.129.16",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::1",
        "2001:0:7f00:1::",
        "2001:db8::1",
      ]
      for (const address of inside) {
        const neck = yield* egressWith({ allow: [{ host: HOST, port }], names: { [HOST]: [address] } })
        const { status, text } = yield* openTunnel(neck.socketPath, `${HOST}:${port}`)
        expect([address, status]).toEqual([address, 403])
        expect(text).toContain("private: true")
        expect(lines(neck.entries())).toMatchObject([
          ["begin", "ok", undefined],
          ["end", "rejected", expect.stringContaining("no public address")],
        ])
      }
      const neck = yield* egressWith({ allow: [{ host: HOST, port }], names: { [HOST]: inside } })
      expect((yield* openTunnel(neck.socketPath, `${HOST}:${port}`)).status).toBe(403)
      expect(seen).toEqual([])
    }),
  )

  it.scoped("dials the address that was resolved, once: an answer that changes changes nothing", () =>
    Effect.gen(function* () {
      const { port, sockets } = yield* tcpServer((socket) => void socket.pipe(socket))
      const answers = [["127.0.0.1"], ["192.0.2.1"], ["192.0.2.2"]]
      const neck = yield* egressWith({
        allow: [{ host: HOST, port, private: true, tls: false }],
        names: { [HOST]: () => answers.shift() ?? [] },
      })
      const { socket } = yield* openTunnel(neck.socketPath, `${HOST}:${port}`, { behind: "ping" })
      socket.end()
      expect(String(yield* rest(socket))).toBe("ping")
      expect(neck.resolved).toEqual([HOST])
      expect(sockets.size).toBeLessThanOrEqual(1)
      const later = [["192.0.2.1"], ["127.0.0.1"]]
      const rebinding = yield* egressWith({
        allow: [{ host: HOST, port, tls: false }],
        names: { [HOST]: () => later.shift() ?? [] },
      })
      expect((yield* openTunnel(rebinding.socketPath, `${HOST}:${port}`)).status).toBe(403)
      expect(rebinding.resolved).toEqual([HOST])
    }),
  )

  it.scoped("tries the next address when one does not answer", () =>
    Effect.gen(function* () {
      const { port } = yield* tcpServer((socket) => void socket.pipe(socket))
      const neck = yield* egressWith({
        allow: [{ host: HOST, port, private: true, tls: false }],
        names: { [HOST]: ["127.0.0.2", "::1", "127.0.0.1"] },
      })
      const { status, socket } = yield* openTunnel(neck.socketPath, `${HOST}:${port}`)
      expect(status).toBe(200)
      socket.end("x")
      expect(String(yield* rest(socket))).toBe("x")
    }),
  )

  it.scoped("leads to an address only when that address is listed, and then in every spelling", () =>
    Effect.gen(function* () {
      const { port } = yield* tcpServer((socket) => void socket.pipe(socket))
      const entry = { host: "127.0.0.1", port, tls: false }
      const neck = yield* egressWith({
        allow: [{ ...entry, private: true }],
        names: { localhost: ["127.0.0.1"] },
      })
      for (const host of ["127.0.0.1", "127.1", "0x7f000001", "2130706433", "017700000001"]) {
        const { status, socket } = yield* openTunnel(neck.socketPath, `${host}:${port}`)
        expect([host, status]).toEqual([host, 200])
        socket.destroy()
      }
      for (const host of ["localhost", "127.0.0.2", "[::ffff:127.0.0.1]", "[::1]"])
        expect((yield* openTunnel(neck.socketPath, `${host}:${port}`)).status).toBe(403)
      expect(neck.resolved).toEqual([])
      const closed = yield* egressWith({ allow: [entry] })
      expect((yield* openTunnel(closed.socketPath, `127.0.0.1:${port}`)).status).toBe(403)
    }),
  )

  it.scoped("says what went wrong outside", () =>
    Effect.gen(function* () {
      const { port, server } = yield* untouched
      const neck = yield* egressWith({
        allow: [{ host: HOST, port, private: true }, "unknown.example"],
        names: LOOPBACK,
      })
      server.close()
      expect(yield* openTunnel(neck.socketPath, `${HOST}:${port}`)).toMatchObject({
        status: 502,
        text: `egress to ${HOST}:${port} failed: it could not be reached (ECONNREFUSED)\n`,
      })
      expect(yield* openTunnel(neck.socketPath, "unknown.example:443")).toMatchObject({
        status: 502,
        text: "egress to unknown.example:443 failed: its name has no address (ENOTFOUND)\n",
      })
      expect(neck.entries().filter(({ phase }) => phase === "end")).toMatchObject([
        { outcome: "failed" },
        { outcome: "failed" },
      ])
    }),
  )

  it.scoped("with any target at all is answered, and never let through", () =>
    Effect.gen(function* () {
      const { port, seen } = yield* untouched
      const neck = yield* egressWith({ allow: [{ host: "listed.example", port }] })
      const targets = fc.sample(
        fc.oneof(
          fc.string({
            unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
            minLength: 1,
          }),
          fc.tuple(fc.domain(), fc.nat(70_000)).map(([host, at]) => `${host}:${at}`),
          fc.tuple(fc.ipV4Extended(), fc.constant(port)).map(([host, at]) => `${host}:${at}`),
          fc.tuple(fc.ipV6(), fc.constant(port)).map(([host, at]) => `[${host}]:${at}`),
        ),
        300,
      )
      for (const target of targets) {
        const answer = yield* raw(neck.socketPath, `CONNECT ${target} HTTP/1.1\r\nhost: x\r\n\r\n`)
        expect(answer, target).toMatch(/^HTTP\/1\.1 40[03] /)
      }
      expect(seen).toEqual([])
      expect(neck.resolved).toEqual([])
    }),
  )
})

/** Waits until the log has so many lines. */
const ended = (neck: { readonly entries: () => ReadonlyArray<unknown> }, count: number) =>
  eventually(() => neck.entries().length >= count)

describe("the begin of a tunnel", () => {
  const world = Effect.gen(function* () {
    const received: Array<Buffer> = []
    const { port } = yield* tcpServer((socket) => {
      socket.on("data", (chunk: Buffer) => received.push(chunk))
      socket.on("end", () => socket.end("bye"))
    })
    const neck = yield* egressWith({
      allow: [{ host: HOST, port, private: true }],
      names: LOOPBACK,
      times: { helloMs: 300 },
    })
    return { neck, port, received: () => Buffer.concat(received), target: `${HOST}:${port}` }
  })

  it.scoped("is its hello, byte for byte, also when it comes in single bytes and many records", () =>
    Effect.gen(function* () {
      const { neck, target, received } = yield* world
      for (const hello of [
        helloFor(HOST),
        records(message([serverName(HOST)]), 1),
        helloFor(HOST.toUpperCase()),
      ]) {
        const before = received().length
        const { socket } = yield* openTunnel(neck.socketPath, target)
        for (const byte of hello) {
          socket.write(Buffer.from([byte]))
          yield* Effect.yieldNow()
        }
        socket.end("more")
        expect(String(yield* rest(socket))).toBe("bye")
        expect(received().subarray(before)).toEqual(Buffer.concat([hello, Buffer.from("more")]))
      }
    }),
  )

  it.scoped("may come in one write with the CONNECT", () =>
    Effect.gen(function* () {
      const { neck, target, received } = yield* world
      const { socket } = yield* openTunnel(neck.socketPath, target, { behind: helloFor(HOST) })
      socket.end()
      expect(String(yield* rest(socket))).toBe("bye")
      expect(received()).toEqual(helloFor(HOST))
    }),
  )

  const alert = (description: number) => Buffer.from([21, 3, 3, 0, 2, 2, description])
  const bad: ReadonlyArray<readonly [string, Buffer, number, string]> = [
    ["another host", helloFor("evil.example"), 112, "the TLS hello names evil.example"],
    ["a host below it", helloFor(`x.${HOST}`), 112, `the TLS hello names x.${HOST}`],
    ["a trailing dot", helloFor(`${HOST}.`), 112, "the TLS hello names"],
    ["a zero byte", helloFor(`${HOST}\0.evil.example`), 112, `the TLS hello names ${HOST}?.evil.example`],
    ["no name", records(message([extension(43, Buffer.from([2, 3, 4]))])), 112, "names no host"],
    ["no extensions", records(message(undefined)), 112, "names no host"],
    ["two names", records(message([serverName(HOST, "evil.example")])), 50, "repeats an extension"],
    [
      "two server_name",
      records(message([serverName(HOST), serverName("evil.example")])),
      50,
      "repeats an extension",
    ],
    ["a hidden name", records(message([extension(0xfe0d, Buffer.alloc(64))])), 49, "ECH"],
    [
      "a hidden name behind",
      records(message([serverName(HOST), extension(0xfe0d, Buffer.alloc(64))])),
      49,
      "ECH",
    ],
    ["an empty record", Buffer.from([22, 3, 1, 0, 0]), 50, "empty or too large"],
    ["a hello that is too large", records(Buffer.from([1, 0, 0xff, 0xff])), 50, "too large"],
  ]
  it.scoped.each(bad)("is refused with an alert when it has %s", ([, hello, description, reason]) =>
    Effect.gen(function* () {
      const { neck, target, received } = yield* world
      const { socket } = yield* openTunnel(neck.socketPath, target, { behind: hello })
      expect(yield* rest(socket)).toEqual(alert(description))
      expect(received()).toEqual(Buffer.alloc(0))
      expect(neck.entries()[1]).toMatchObject({
        phase: "end",
        outcome: "rejected",
        reason: expect.stringContaining(reason),
        detail: "nothing passed",
      })
    }),
  )

  it.scopedLive("is refused in words when it is not TLS, and when it does not come", () =>
    Effect.gen(function* () {
      const { neck, target, received } = yield* world
      const http = yield* openTunnel(neck.socketPath, target, {
        behind: `GET / HTTP/1.1\r\nhost: ${HOST}\r\n\r\n`,
      })
      expect(String(yield* rest(http.socket))).toMatch(
        new RegExp(`^HTTP/1.1 403 Forbidden\r\n[^]*egress to ${target} denied: what it carries is not TLS`),
      )
      const slow = yield* openTunnel(neck.socketPath, target, { behind: helloFor(HOST).subarray(0, 20) })
      expect(String(yield* rest(slow.socket))).toMatch(/^HTTP\/1.1 408 /)
      const silent = yield* openTunnel(neck.socketPath, target)
      expect(String(yield* rest(silent.socket))).toMatch(/^HTTP\/1.1 408 /)
      const gone = yield* openTunnel(neck.socketPath, target)
      gone.socket.end()
      yield* rest(gone.socket)
      const atOnce = connect({ path: neck.socketPath, allowHalfOpen: true })
      atOnce.end(`CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n\r\n`)
      yield* rest(atOnce)
      expect(received()).toEqual(Buffer.alloc(0))
      expect(neck.entries().filter(({ phase }) => phase === "end")).toMatchObject([
        { outcome: "rejected", reason: expect.stringContaining("not TLS") },
        { outcome: "rejected", reason: "no TLS hello came in time" },
        { outcome: "rejected", reason: "no TLS hello came in time" },
        { outcome: "rejected", reason: "its client left before a TLS hello" },
        { outcome: "rejected", reason: "its client left before a TLS hello" },
      ])
    }),
  )

  it.scoped("tells a real client by its own error", () =>
    Effect.gen(function* () {
      const { neck, target } = yield* world
      const { socket } = yield* openTunnel(neck.socketPath, target)
      const error = yield* Effect.flip(secure(socket, "evil.example", Buffer.alloc(0)))
      expect(error.message).toMatch(/unrecognized name/)
    }),
  )

  it.scoped("may be anything, also the host's own words, where the entry says tls: false", () =>
    Effect.gen(function* () {
      const { port } = yield* tcpServer((socket) => {
        socket.write("SSH-2.0-host\r\n")
        socket.pipe(socket)
      })
      const neck = yield* egressWith({
        allow: [{ host: HOST, port, private: true, tls: false }],
        names: LOOPBACK,
      })
      const { socket } = yield* openTunnel(neck.socketPath, `${HOST}:${port}`)
      socket.end("SSH-2.0-agent\r\n")
      expect(String(yield* rest(socket))).toBe("SSH-2.0-host\r\nSSH-2.0-agent\r\n")
    }),
  )
})

describe("the life of a tunnel", () => {
  const open = (port: number, times = {}) =>
    Effect.gen(function* () {
      const neck = yield* egressWith({
        allow: [{ host: HOST, port, private: true, tls: false }],
        names: LOOPBACK,
        times,
      })
      return { neck, tunnel: () => openTunnel(neck.socketPath, `${HOST}:${port}`) }
    })

  it.scoped("goes on in one direction when the other has ended", () =>
    Effect.gen(function* () {
      const { port } = yield* tcpServer((socket) => {
        let text = ""
        socket.on("data", (chunk) => (text += String(chunk)))
        socket.on("end", () => socket.end(`you said ${text}`))
      })
      const { tunnel } = yield* open(port)
      const { socket } = yield* tunnel()
      socket.end("all of it")
      expect(String(yield* rest(socket))).toBe("you said all of it")
      const talking = yield* tcpServer((socket) => {
        socket.end("done")
        socket.on("data", (chunk) => heard.push(String(chunk)))
      })
      const heard: Array<string> = []
      const other = yield* open(talking.port)
      const second = yield* other.tunnel()
      expect(String(yield* rest(second.socket))).toBe("done")
      second.socket.end("still here")
      yield* ended(other.neck, 2)
      expect(heard.join("")).toBe("still here")
      expect(other.neck.entries()[1]).toMatchObject({ outcome: "ok", detail: "10 bytes up, 4 bytes down" })
    }),
  )

  it.scoped("ends for both when one breaks off", () =>
    Effect.gen(function* () {
      const server = yield* tcpServer((socket) => void socket.resume().on("end", () => socket.end()))
      const { neck, tunnel } = yield* open(server.port)
      const first = yield* tunnel()
      ;[...server.sockets][0]?.resetAndDestroy()
      yield* rest(first.socket)
      first.socket.destroy()
      yield* ended(neck, 2)
      expect(neck.entries()[1]).toMatchObject({
        outcome: "failed",
        reason: expect.stringContaining("broke off"),
      })
      const second = yield* tunnel()
      second.socket.destroy()
      yield* ended(neck, 4)
      yield* eventually(() => server.sockets.size === 0)
      expect(server.sockets.size).toBe(0)
    }),
  )

  it.scoped("ends when nothing passes, and when a client does not read, but not while something passes", () =>
    Effect.gen(function* () {
      const { port } = yield* tcpServer((socket) => {
        socket.once("data", (chunk) => {
          if (String(chunk) === "flood") socket.write(Buffer.alloc(16 * 1024 * 1024))
          else socket.pipe(socket)
        })
      })
      const { neck, tunnel } = yield* open(port, { egressIdleMs: 200 })
      const busy = yield* tunnel()
      const silent = yield* tunnel()
      const stuck = yield* tunnel()
      stuck.socket.pause()
      stuck.socket.write("flood")
      const timer = setInterval(() => busy.socket.write("x"), 50)
      yield* rest(silent.socket)
      yield* ended(neck, 5)
      expect(neck.entries().filter(({ phase }) => phase === "end")).toMatchObject([
        { outcome: "failed", reason: expect.stringContaining("nothing passed") },
        { outcome: "failed", reason: expect.stringContaining("nothing passed") },
      ])
      expect(busy.socket.destroyed).toBe(false)
      clearInterval(timer)
      busy.socket.destroy()
      stuck.socket.destroy()
    }),
  )

  it.scopedLive("ends with the sidecar, at once, and its end is in the log", () =>
    Effect.gen(function* () {
      const directory = yield* tempDir
      const { port } = yield* tcpServer((socket) => void socket.pipe(socket))
      const { neck, socket } = yield* Effect.scoped(
        Effect.gen(function* () {
          const allow = [{ host: HOST, port, private: true, tls: false }]
          const neck = yield* egressWith({ allow, names: LOOPBACK, directory })
          return { neck, ...(yield* openTunnel(neck.socketPath, `${HOST}:${port}`)) }
        }),
      )
      yield* rest(socket)
      expect(neck.entries()).toMatchObject([
        { phase: "begin" },
        { phase: "end", begin: 1, outcome: "failed", reason: "the sidecar ended" },
      ])
    }),
  )

  it.scoped("renews the check-in while bytes pass", () =>
    Effect.gen(function* () {
      const { port } = yield* tcpServer((socket) => void socket.pipe(socket))
      const { neck, tunnel } = yield* open(port, { egressIdleMs: 400 })
      const { socket } = yield* tunnel()
      const checkin = join(neck.directory, "state", "checkin")
      const before = statSync(checkin, { throwIfNoEntry: false })?.mtimeMs ?? 0
      const timer = setInterval(() => socket.write("x"), 50)
      yield* eventually(() => (statSync(checkin, { throwIfNoEntry: false })?.mtimeMs ?? 0) > before)
      clearInterval(timer)
      expect(statSync(checkin).mtimeMs).toBeGreaterThan(before)
      socket.destroy()
    }),
  )
})
