/** A process that is started before its launch: who takes it, and when it ends. */
import { it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { once } from "node:events"
import { readdirSync, readFileSync } from "node:fs"
import { describe, expect, vi } from "vitest"
import { Slug } from "../../../src/domain/Slug.ts"
import { Home, homeAt } from "../../../src/layers/home/Home.ts"
import * as NodeProcessRunner from "../../../src/layers/process/NodeProcessRunner.ts"
import * as SidecarProcess from "../../../src/layers/sidecar/SidecarProcess.ts"
import { Sidecar } from "../../../src/services/Sidecar.ts"
import { bundledChild } from "../../support/bundledChild.ts"
import { tempDir } from "../../support/tempDir.ts"

const preparer = bundledChild("preparer")

const statOf = (pid: string): ReadonlyArray<string> => {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").replace(/.*\) /, "").split(" ")
  } catch {
    return []
  }
}

/** Sidecars that were started by a process, by their PIDs. */
const childrenOf = (parent: number): ReadonlyArray<number> =>
  readdirSync("/proc").flatMap((pid) => {
    const [state, by] = statOf(pid)
    if (Number(by) !== parent || state === "Z") return []
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("sidecar.cjs") ? [Number(pid)] : []
  })

const own = Effect.sync(() => childrenOf(process.pid))
const until = (check: () => void) => Effect.promise(() => vi.waitFor(check, 10_000))

const slug = Slug.make("door-abcde")
const config = { slug, push: [], routes: {}, egress: { allow: [] }, git: {}, loopback: false }

/** A service of its own, whose processes that wait end with `body`. */
const inHome = <A, E>(body: Effect.Effect<A, E, Sidecar>) =>
  Effect.flatMap(tempDir, (root) =>
    Effect.provide(
      body,
      SidecarProcess.layer.pipe(
        Layer.provide(NodeProcessRunner.layer),
        Layer.provide(Layer.succeed(Home, homeAt(root))),
      ),
    ),
  )

describe("a prepared process", () => {
  it.scopedLive("is started once, and serves the next launch", () =>
    inHome(
      Effect.gen(function* () {
        const { prepare, launch } = yield* Sidecar
        yield* Effect.all([prepare, prepare, prepare], { concurrency: "unbounded" })
        const waiting = yield* own
        expect(waiting).toHaveLength(1)
        const handle = yield* launch(config)
        expect(yield* handle.alive).toBe(true)
        expect(yield* own).toEqual(waiting)
        yield* prepare
        expect(yield* own).toHaveLength(2)
        yield* handle.stop
      }),
    ),
  )

  it.scopedLive("is not missed when it was killed", () =>
    inHome(
      Effect.gen(function* () {
        const { prepare, launch } = yield* Sidecar
        yield* prepare
        const [waiting] = yield* own
        if (waiting === undefined) return yield* Effect.dieMessage("nothing waits")
        process.kill(waiting, "SIGKILL")
        yield* until(() => expect(childrenOf(process.pid)).toEqual([]))
        const handle = yield* launch(config)
        expect(yield* handle.alive).toBe(true)
        yield* handle.stop
      }),
    ),
  )

  it.scopedLive("ends with its service, while a sidecar that was launched lives on", () =>
    Effect.gen(function* () {
      const { stop, waiting } = yield* inHome(
        Effect.gen(function* () {
          const { prepare, launch } = yield* Sidecar
          yield* prepare
          const { stop } = yield* launch(config)
          const before = yield* own
          yield* prepare
          return { stop, waiting: (yield* own).filter((pid) => !before.includes(pid)) }
        }),
      )
      expect(waiting).toHaveLength(1)
      yield* until(() => expect(childrenOf(process.pid)).not.toContain(waiting[0]))
      expect(yield* own).toHaveLength(1)
      yield* stop
    }),
  )

  it.scopedLive("ends when its launcher is killed", () =>
    Effect.gen(function* () {
      const { child, kill } = yield* preparer
      yield* Effect.promise(() => once(child, "message", { signal: AbortSignal.timeout(30_000) }))
      const [waiting] = childrenOf(child.pid ?? 0)
      if (waiting === undefined) return yield* Effect.dieMessage("nothing waits")
      yield* kill
      yield* until(() => expect(statOf(String(waiting))[0] ?? "Z").toBe("Z"))
    }),
  )
})
