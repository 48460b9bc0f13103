import * as GiteaForges from "../../src/layers/gitea/GiteaForges.ts"
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Option, Schedule } from "effect"
import { spawn } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { type AddressInfo, connect, createServer as createSocketServer } from "node:net"
import { join } from "node:path"
import { identify } from "../../src/layers/process/ProcessIdentity.ts"
import { packageFile } from "../../src/layers/home/packageRoot.ts"
import { askStatus, askStop } from "../../src/sidecar/http/control.ts"
import { verifyChain } from "../../src/sidecar/record/OperationChain.ts"
import { serve } from "../support/serve.ts"
import { decodeDocument } from "../../src/sidecar/SidecarDocument.ts"
import { raw, rpc, send } from "../support/rpc.ts"
import { documentIn, SOURCES, startingFrom, startSidecar } from "../support/sidecarProcess.ts"
import { tempDir } from "../support/tempDir.ts"

const TOKEN = "0123456789abcdef0123456789abcdef01234567"

const forgeAt = (port: number) => ({
  forge: {
    apiUrl: `http://127.0.0.1:${port}/api/v1`,
    owner: "ada",
    repo: "cellar",
    token: TOKEN,
    issueNumber: 17,
  },
})

/** A forge that answers a request only when told to. */
const slowForge = Effect.gen(function* () {
  const asked = yield* Deferred.make<void>()
  const pending: Array<() => void> = []
  const server = createServer((_, response) => {
    pending.push(() => {
      response.setHeader("content-type", "application/json")
      response.end(
        JSON.stringify({
          number: 17,
          title: "The door",
          body: "",
          state: "open",
          user: { id: 2, login: "ada" },
        }),
      )
    })
    Deferred.unsafeDone(asked, Effect.void)
  })
  yield* Effect.acquireRelease(
    Effect.async<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () => Effect.sync(() => (server.closeAllConnections(), server.close())),
  )
  return {
    port: (server.address() as AddressInfo).port,
    asked: Deferred.await(asked),
    answer: Effect.sync(() => pending.forEach((go) => go())),
  }
})

describe.each(SOURCES)("the sidecar process, from %s", (source) => {
  const start = startingFrom(source)

  const bad: ReadonlyArray<readonly [string, string, string]> = [
    ["nothing", "", "it is empty"],
    ["no JSON", "slug: x", "it is not JSON"],
    ["a list", "[]", "it must be a JSON object"],
    ["a missing key", JSON.stringify({ slug: "x" }), "socketPath: is missing"],
    [
      "an unknown key",
      JSON.stringify(documentIn("/nowhere", { verbose: true })),
      "verbose: is not a known key",
    ],
    [
      "a wrong type",
      JSON.stringify(documentIn("/nowhere", { loopback: "yes" })),
      "loopback: must be boolean",
    ],
    [
      "a bad setting",
      JSON.stringify(documentIn("/nowhere", { settings: { idleMs: -1 } })),
      "settings.idleMs: must be a non-negative number",
    ],
    [
      "a bad slug",
      JSON.stringify(documentIn("/nowhere", { slug: "../x" })),
      "slug: has a wrong type or value",
    ],
    [
      "a wrong number",
      JSON.stringify(documentIn("/nowhere", { forge: { ...forgeAt(1).forge, issueNumber: "17" } })),
      "forge.issueNumber: must be number",
    ],
    [
      "a token of a wrong type",
      JSON.stringify(documentIn("/nowhere", { forge: { ...forgeAt(1).forge, token: [TOKEN] } })),
      "forge.token: must be string",
    ],
    [
      "egress",
      JSON.stringify(documentIn("/nowhere", { egress: { allow: ["https://example.com"] } })),
      "egress.allow.0: has a wrong type or value",
    ],
    [
      "routes",
      JSON.stringify(
        documentIn("/nowhere", { routes: [{ name: "a", upstream: "b", header: "c", value: TOKEN }] }),
      ),
      "routes.0.upstream: must be a URL",
    ],
    [
      "git",
      JSON.stringify(documentIn("/nowhere", { git: [{ name: "a", url: "b", credential: TOKEN }] })),
      "git.0.url: must be a URL",
    ],
    ["a path that is too long", JSON.stringify(documentIn(`/${"x".repeat(120)}`)), "has at most 107 bytes"],
    ["more than 1 MiB", JSON.stringify(documentIn(`/${"x".repeat(1 << 20)}`)), "larger than 1 MiB"],
  ]
  it.live.each(bad)("refuses %s as its document with one line and exit 2", ([, text, expected]) =>
    Effect.scoped(
      Effect.gen(function* () {
        const { ended } = yield* start(text)
        const { code, stdout, stderr } = yield* ended
        expect(code).toBe(2)
        expect(stdout).toBe("")
        expect(stderr.trimEnd().split("\n")).toHaveLength(1)
        expect(stderr).toContain(expected)
        expect(stderr).not.toContain(TOKEN)
      }),
    ),
  )

  it.live("ends at SIGTERM while it waits for its document", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { child, ended } = yield* start(undefined)
        yield* Effect.sleep(300)
        child.kill("SIGTERM")
        expect((yield* ended).stdout).toBe("")
      }),
    ),
  )

  it.live("holds no secret in its arguments, its environment or its log, and no pipe of its launcher", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const directory = yield* tempDir
        const document = documentIn(directory, forgeAt(9))
        const { child, ready } = yield* start(JSON.stringify(document))
        expect(yield* ready).toEqual({ ready: true, socketPath: document.socketPath })
        yield* rpc(document.socketPath, "read_issue", { number: 17 })
        const proc = `/proc/${child.pid}`
        for (const name of ["cmdline", "environ"])
          expect(readFileSync(join(proc, name), "utf8")).not.toContain(TOKEN)
        const text = readFileSync(join(directory, "state", "operations.jsonl"), "utf8")
        expect(text).not.toContain(TOKEN)
        expect(readFileSync(join(proc, "fdinfo", "0"), "utf8")).toContain("pos:")
        const info = Object.fromEntries(["0", "1", "2"].map((fd) => [fd, existsSync(join(proc, "fd", fd))]))
        expect(info).toEqual({ 0: true, 1: true, 2: true })
        child.stdout.destroy()
        child.stderr.destroy()
        expect((yield* rpc(document.socketPath, "read_issue", { number: 17 })).error?.code).toBe(-32003)
      }),
    ),
  )

  it.live("answers what is in flight at SIGTERM, takes no new call, and ends with its sockets gone", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const directory = yield* tempDir
        const forge = yield* slowForge
        const document = documentIn(directory, forgeAt(forge.port))
        const { child, ready, ended } = yield* start(JSON.stringify(document))
        yield* ready
        const call = yield* Effect.fork(rpc(document.socketPath, "read_issue", { number: 17 }))
        yield* forge.asked
        child.kill("SIGTERM")
        yield* Effect.either(send(document.socketPath, { method: "GET", path: "/healthz" })).pipe(
          Effect.repeat({ until: (answer) => answer._tag === "Left" }),
        )
        yield* forge.answer
        expect((yield* call).result).toMatchObject({ number: 17, title: "The door" })
        yield* ended
        expect(readdirSync(join(directory, "run", "neck"))).toEqual([])
        expect(readdirSync(join(directory, "run"))).toEqual(["neck"])
        expect(verifyChain(linesOf(directory))).toMatchObject({ ok: true, lines: 1 })
      }),
    ),
  )

  it.live("answers a stop only when all is done", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const directory = yield* tempDir
        const document = documentIn(directory)
        const { child, ready } = yield* start(JSON.stringify(document))
        yield* ready
        expect(yield* askStatus(document.controlPath)).toMatchObject({
          value: { slug: "door-abcde", pid: child.pid, ready: true },
        })
        yield* askStop(document.controlPath)
        expect(existsSync(document.socketPath)).toBe(false)
        expect(yield* askStatus(document.controlPath)).toMatchObject({ _tag: "None" })
      }),
    ),
  )

  it.live(
    "goes on with its chain after it was killed in the midst of calls, and takes the place of its dead socket",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const directory = yield* tempDir
          const document = documentIn(directory, forgeAt(9))
          for (let round = 0; round < 3; round++) {
            const { child, ready, ended } = yield* start(JSON.stringify(document))
            yield* ready
            const calls = yield* Effect.fork(
              Effect.forever(
                Effect.either(rpc(document.socketPath, "post_comment", { number: 500, body: "x" })),
              ),
            )
            yield* Effect.sleep(150)
            child.kill("SIGKILL")
            yield* ended
            calls.unsafeInterruptAsFork(calls.id())
            expect(existsSync(document.socketPath)).toBe(true)
            writeFileSync(join(directory, "state", "operations.jsonl"), '{"seq":', { flag: "a" })
          }
          const { ready } = yield* start(JSON.stringify(document))
          yield* ready
          yield* rpc(document.socketPath, "read_issue", { number: 17 })
          expect(verifyChain(linesOf(directory))).toMatchObject({ ok: true, problems: [] })
          expect(existsSync(join(directory, "state", "operations.torn-3"))).toBe(true)
        }),
      ),
  )

  it.live("outlives its launcher", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const directory = yield* tempDir
        const document = documentIn(directory)
        const script = `
          const { spawn } = require("node:child_process")
          const child = spawn(process.execPath, [${JSON.stringify(packageFile("dist", "bin", "sidecar.cjs"))}], { detached: true, stdio: ["pipe", "pipe", "ignore"] })
          child.stdin.end(${JSON.stringify(JSON.stringify(document))})
          child.stdout.once("data", () => process.kill(process.pid, "SIGKILL"))`
        yield* Effect.async<void>((resume) => {
          spawn(process.execPath, ["-e", script], { stdio: "ignore" }).once("exit", () => resume(Effect.void))
        })
        expect((yield* rpc(document.socketPath, "read_issue", { number: 17 })).error?.code).toBe(-32005)
        yield* askStop(document.controlPath)
      }),
    ),
  )
})

const linesOf = (directory: string) =>
  readFileSync(join(directory, "state", "operations.jsonl"), "utf8")
    .trim()
    .split("\n")

const serveIn = (directory: string, idleMs: number, more: object = {}) =>
  Effect.flatMap(decodeDocument(JSON.stringify(documentIn(directory, more))), (document) =>
    serve(document, { idleMs }).pipe(Effect.provide(GiteaForges.layer)),
  )

/** Waits for the end of a sidecar; fails when it goes on, long before the test's own time is over. */
const inTime = Effect.timeoutFail({
  duration: "20 seconds",
  onTimeout: () => new Error("the sidecar goes on"),
})

describe("a sidecar that nobody needs", () => {
  it.live("ends some time after the last connection has gone, and not before", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const directory = yield* tempDir
        const { ended } = yield* serveIn(directory, 100)
        const socket = connect(documentIn(directory).socketPath)
        yield* Effect.async<void>((resume) => void socket.once("connect", () => resume(Effect.void)))
        expect(yield* Effect.timeoutOption(ended, 1000)).toMatchObject({ _tag: "None" })
        socket.destroy()
        yield* inTime(ended)
      }),
    ),
  )

  it.live("ends as soon as the settings of its document say", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const directory = yield* tempDir
        const text = JSON.stringify(documentIn(directory, { settings: { idleMs: 20 } }))
        const { ended } = yield* serve(yield* decodeDocument(text)).pipe(Effect.provide(GiteaForges.layer))
        yield* inTime(ended)
      }),
    ),
  )

  it.live("goes on while a watcher asks for it", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const directory = yield* tempDir
        const { ended } = yield* serveIn(directory, 50)
        const asking = Effect.repeat(askStatus(documentIn(directory).controlPath), Schedule.spaced(20))
        expect(yield* Effect.timeoutOption(Effect.raceFirst(ended, asking), 1000)).toMatchObject({
          _tag: "None",
        })
        yield* ended
      }),
    ),
  )

  it.live("goes on while its agent's process runs, where no connection tells of it", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const directory = yield* tempDir
        const agent = spawn("sleep", ["600"])
        yield* Effect.addFinalizer(() => Effect.sync(() => agent.kill("SIGKILL")))
        const supervisor = join(directory, "runner.json")
        writeFileSync(supervisor, JSON.stringify(Option.getOrThrow(yield* identify(agent.pid ?? 0))))
        const { ended } = yield* serveIn(directory, 40, { supervisor })
        expect(yield* Effect.timeoutOption(ended, 1000)).toMatchObject({ _tag: "None" })
        agent.kill("SIGKILL")
        yield* ended
      }),
    ),
  )

  it.live("makes and serves nothing when its bottle was destroyed before it began", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const directory = yield* tempDir
        const { controlPath, stateDir } = documentIn(directory)
        const { child, ended, ready } = yield* startSidecar(undefined)
        mkdirSync(stateDir)
        child.stdin.end(JSON.stringify(documentIn(directory, { made: true })))
        expect(yield* Effect.raceFirst(ended, ready)).toMatchObject({
          code: expect.toSatisfy((n: number) => n > 0),
          stderr: expect.stringContaining("ENOENT"),
        })
        expect([existsSync(controlPath), readdirSync(stateDir)]).toEqual([false, []])
      }),
    ),
  )

  it.live("ends at once when its bottle was destroyed as it began", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const directory = yield* tempDir
        const { ended } = yield* serveIn(directory, 600_000)
        rmSync(join(directory, "run"), { recursive: true })
        yield* Effect.timeout(ended, "5 seconds")
      }),
    ),
  )

  it.live("ends some time after its start when nobody ever came", () =>
    Effect.scoped(
      Effect.flatMap(
        Effect.flatMap(tempDir, (directory) => serveIn(directory, 40)),
        ({ ended }) => inTime(ended),
      ),
    ),
  )

  it.live("ends when its socket is not its own any more", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const directory = yield* tempDir
        const { ended } = yield* serveIn(directory, 2000)
        writeFileSync(`${documentIn(directory).socketPath}.new`, "")
        renameSync(`${documentIn(directory).socketPath}.new`, documentIn(directory).socketPath)
        yield* ended
        expect(existsSync(documentIn(directory).socketPath)).toBe(true)
      }),
    ),
  )
})

describe("the place of a socket", () => {
  it.live("is taken from a file that is no socket, and never from one that is alive", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const directory = yield* tempDir
        const { socketPath } = documentIn(directory)
        mkdirSync(join(directory, "run", "neck"), { recursive: true })
        writeFileSync(socketPath, "left over")
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* serveIn(directory, 60_000)
            expect(
              yield* raw(socketPath, "GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"),
            ).toContain("200")
          }),
        )
        const other = createSocketServer()
        yield* Effect.acquireRelease(
          Effect.async<void>((resume) => void other.listen(socketPath, () => resume(Effect.void))),
          () => Effect.sync(() => other.close()),
        )
        expect((yield* Effect.flip(Effect.scoped(serveIn(directory, 60_000)))).message).toContain(
          "another process serves",
        )
        expect(existsSync(socketPath)).toBe(true)
      }),
    ),
  )

  it.live("is had by one of many that start at once, over a stale file", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const directory = yield* tempDir
        mkdirSync(join(directory, "run", "neck"), { recursive: true })
        writeFileSync(documentIn(directory).socketPath, "")
        writeFileSync(documentIn(directory).controlPath, "")
        const started = yield* Effect.forEach(Array.from({ length: 4 }), () =>
          Effect.map(startSidecar(JSON.stringify(documentIn(directory))), ({ ready, ended }) =>
            Effect.raceFirst(
              Effect.as(ready, "ready"),
              Effect.map(ended, ({ code }) => code),
            ),
          ),
        )
        const outcomes = yield* Effect.all(started, { concurrency: "unbounded" })
        expect(outcomes.filter((outcome) => outcome === "ready")).toHaveLength(1)
        expect(outcomes.filter((outcome) => outcome === 125)).toHaveLength(3)
      }),
    ),
  )
})
