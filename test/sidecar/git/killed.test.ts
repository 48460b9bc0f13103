import { describe, expect, it } from "@effect/vitest"
import { type Duration, Effect, Exit, Fiber, Scope } from "effect"
import { existsSync, readFileSync, readdirSync } from "node:fs"
import { request } from "node:http"
import { join } from "node:path"
import {
  TOKEN,
  commit,
  forge,
  forwardTo,
  git,
  ok,
  stoppingGit,
  stoppingHook,
  until,
} from "../../support/git.ts"
import { objectIn, packOf, pushOf } from "../../support/packs.ts"
import { documentIn, startSidecar } from "../../support/sidecarProcess.ts"
import { tempDir } from "../../support/tempDir.ts"

const BRANCH = "bot-bottle/door-abcde"

/** A clone behind a sidecar that is a process, whose git can be stopped before a step. */
const start = Effect.gen(function* () {
  const at = yield* forge
  const steps = yield* stoppingGit
  const home = yield* tempDir
  const document = documentIn(home, {
    git: [{ name: "app", url: at.url, credential: TOKEN, private: true }],
    gitStores: join(home, "stores"),
  })
  const url = `${yield* forwardTo(document.socketPath)}/git/app.git`
  const running = { scope: yield* Scope.make(), pid: 0 }
  yield* Effect.addFinalizer(() => Scope.close(running.scope, Exit.void))
  const incoming = join(document.stateDir, "git", "incoming")
  const launch = Effect.gen(function* () {
    running.scope = yield* Scope.make()
    const { child, ready } = yield* Scope.extend(
      startSidecar(JSON.stringify(document), { env: { PATH: steps.path } }),
      running.scope,
    )
    yield* ready
    running.pid = child.pid ?? 0
  })
  yield* launch
  const work = yield* tempDir
  yield* ok(work, ["clone", "-q", url, "clone"])
  const here = join(work, "clone")
  yield* ok(here, ["checkout", "-q", "-b", BRANCH])
  const counter = { n: 0 }
  const upstream = Effect.map(
    git(at.directory, ["rev-parse", "-q", "--verify", `refs/heads/${BRANCH}`]),
    ({ stdout }) => stdout.trim(),
  )
  return {
    at,
    steps,
    here,
    url,
    running,
    upstream,
    incoming,
    launch,
    /** SIGKILL, and its socket stays. */
    kill: Effect.suspend(() => Scope.close(running.scope, Exit.void)),
    work: Effect.suspend(() => commit(here, { "work.txt": `${(counter.n += 1)}` })),
    push: git(here, ["push", "origin", "HEAD"]),
    /** The same push again is done, and so is a fetch; the upstream is whole. */
    again: (head: string) =>
      Effect.gen(function* () {
        const { code, stderr } = yield* git(here, ["push", "origin", "HEAD"])
        expect(code, stderr).toBe(0)
        expect(yield* upstream).toBe(head)
        yield* ok(here, ["fetch", "-q"])
        expect((yield* git(at.directory, ["fsck", "--strict", "--connectivity-only"])).code).toBe(0)
      }),
  }
})

/** One that has ended and that nobody asked about yet is gone too. */
const isAlive = (pid: number): boolean => {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))
  } catch {
    return false
  }
}
/** Sooner than a transfer that makes no progress ends by itself. */
const gone = (pid: number, duration: Duration.DurationInput = "10 seconds") =>
  Effect.timeoutFail(
    until(() => !isAlive(pid)),
    { duration, onTimeout: () => new Error(`process ${pid} lives on`) },
  )
const childrenOf = (pid: number): ReadonlyArray<number> =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(/\s+/).filter(Boolean).map(Number)

const descendantsOf = (pid: number): ReadonlyArray<number> =>
  childrenOf(pid).flatMap((child) => [child].concat(descendantsOf(child)))

/** What a push does in this order, by the arguments of git: ask, unpack, look, scan, send. */
const STEPS = ["fetch", "index-pack", "rev-list", "diff-tree", "cat-file --batch", "push"]

describe("a push whose sidecar is killed", () => {
  it.scopedLive(
    "before any of its steps is at the upstream whole or not at all, and is done when it is repeated",
    () =>
      Effect.gen(function* () {
        const { steps, running, kill, push, work, upstream, launch, again, incoming } = yield* start
        for (const step of STEPS) {
          const before = yield* upstream
          const head = yield* work
          yield* steps.stopAt(step)
          const pushing = yield* Effect.fork(push)
          const pid = yield* steps.stopped
          const sidecar = running.pid
          yield* kill
          yield* gone(sidecar)
          // Its git goes with it, whatever it is at.
          yield* gone(pid)
          yield* steps.letGo
          expect((yield* Fiber.join(pushing)).code, step).not.toBe(0)
          expect([before, head], step).toContain(yield* upstream)
          yield* launch
          expect(existsSync(incoming), step).toBe(false)
          yield* again(head)
        }
      }),
    240_000,
  )

  it.scopedLive(
    "while the upstream is taking it is there whole or not at all, and is done when it is repeated",
    () =>
      Effect.gen(function* () {
        const { at, kill, push, work, upstream, launch, again, running } = yield* start
        for (const hook of ["pre-receive", "post-receive"] as const) {
          const before = yield* upstream
          const head = yield* work
          const { begun, letGo } = yield* stoppingHook(at.directory, hook)
          const pushing = yield* Effect.fork(push)
          yield* begun
          const all = descendantsOf(running.pid)
          expect(all.length).toBeGreaterThan(1)
          yield* kill
          for (const pid of all) yield* gone(pid)
          yield* letGo
          expect((yield* Fiber.join(pushing)).code, hook).not.toBe(0)
          expect([before, head], hook).toContain(yield* upstream)
          yield* launch
          yield* again(head)
        }
      }),
    240_000,
  )
})

describe("a push whose sidecar is told to stop", () => {
  it.scopedLive("keeps it from ending no longer than a moment, and its git ends first", () =>
    Effect.gen(function* () {
      const { steps, running, push, work, upstream, launch, again } = yield* start
      const head = yield* work
      yield* steps.stopAt("diff-tree")
      const pushing = yield* Effect.fork(push)
      const pid = yield* steps.stopped
      process.kill(running.pid, "SIGTERM")
      yield* gone(running.pid, "30 seconds")
      expect(isAlive(pid)).toBe(false)
      yield* steps.letGo
      expect((yield* Fiber.join(pushing)).code).not.toBe(0)
      expect(yield* upstream).toBe("")
      yield* launch
      yield* again(head)
    }),
  )
})

describe("a push whose git is killed", () => {
  it.scopedLive(
    "before any of its steps does not reach the upstream, leaves nothing, and is done when it is repeated",
    () =>
      Effect.gen(function* () {
        const { steps, running, push, work, upstream, again, incoming } = yield* start

        for (const step of STEPS) {
          const before = yield* upstream
          const head = yield* work
          yield* steps.stopAt(step)
          const pushing = yield* Effect.fork(push)
          const pid = yield* steps.stopped
          // While objects are scanned, the scanner goes with it.
          const all = step === "cat-file --batch" ? childrenOf(running.pid) : [pid]
          for (const one of all) process.kill(one, "SIGKILL")
          yield* steps.letGo
          expect((yield* Fiber.join(pushing)).code, step).not.toBe(0)
          expect(yield* upstream, step).toBe(before)
          if (existsSync(incoming)) expect(readdirSync(incoming), step).toEqual([])
          yield* again(head)
        }
      }),
    240_000,
  )
})

describe("a push whose client is killed", () => {
  it.scopedLive(
    "while it sends leaves nothing, and later goes to its end",
    () =>
      Effect.gen(function* () {
        const { at, steps, url, here, work, upstream, again, incoming } = yield* start

        const left = () => (existsSync(incoming) ? readdirSync(incoming).length : 0)
        const head = yield* work
        const ids = (yield* ok(here, [
          "rev-list",
          "--objects",
          "--no-object-names",
          "HEAD",
          "--not",
          "origin/main",
        ])).split("\n")
        const pack = packOf(ids.map((id) => objectIn(here, id)))
        const body = pushOf([{ new: head, ref: `refs/heads/${BRANCH}` }], pack)
        const begin = (bytes: number) =>
          Effect.sync(() => {
            const asked = request(`${url}/git-receive-pack`, {
              method: "POST",
              headers: {
                "content-type": "application/x-git-receive-pack-request",
                "content-length": body.length,
              },
            })
            asked.on("error", () => undefined)
            asked.write(body.subarray(0, bytes))
            return asked
          })
        for (const bytes of [10, 120, body.length - 1]) {
          const asked = yield* begin(bytes)
          yield* until(() => left() > 0)
          asked.destroy()
          yield* until(() => left() === 0)
          expect(yield* upstream, `${bytes}`).toBe("")
        }
        yield* steps.stopAt("index-pack")
        const asked = yield* begin(body.length)
        yield* steps.stopped
        asked.destroy()
        yield* steps.letGo
        yield* until(() => left() === 0)
        expect(yield* upstream).toBe(head)
        yield* again(head)
        expect(yield* at.refs).toEqual([`refs/heads/${BRANCH}`, "refs/heads/main"])
      }),
    180_000,
  )
})
