/** Bad days of a service: the forge, the disk, the database or the clock fail it. It goes on, or says why it does not, and recovers by itself. */
import { describe, expect, it } from "@effect/vitest"
import SqliteDatabase from "better-sqlite3"
import { Cause, Effect, Exit } from "effect"
import type { Fault } from "../../../src/simulator/GiteaSimulator.ts"
import { canMount, smallDisk } from "../../support/smallDisk.ts"
import { tempDir } from "../../support/tempDir.ts"
import { jumpingClock } from "./fastClock.ts"
import { BOT, fast, makeWorld, until, type World, type WorldOptions } from "./world.ts"

const HOURS = 3_600_000

const served = Effect.fnUntraced(function* (options: WorldOptions = {}) {
  const world = yield* makeWorld({ settle: 10_000, ...options })
  yield* world.serve
  yield* until("swept", world.kept, ({ sweptAt }) => sweptAt > 0)
  const runs = () => world.boxes.journal.map(({ issue, run }) => [issue, run])
  /** Waits until `orchestrate status` has, or has not, a line of that. */
  const says = (what: RegExp, isSaid = true) =>
    until(
      `${isSaid ? "" : "un"}said ${what}`,
      world.status,
      (lines) => lines.some((line) => what.test(line)) === isSaid,
    )
  return { ...world, runs, says, ada: world.sim.as("ada") }
})

/** An event comes while the forge is away: status says so, and the event has its effect when the forge is back. */
const outlives = (
  away: (world: World) => { readonly back: () => void },
  problem: RegExp,
  options: WorldOptions = {},
) =>
  fast(
    Effect.gen(function* () {
      const world = yield* served({ patience: 120_000, ...options })
      const { back } = away(world)
      yield* world.targets(17)
      yield* world.says(problem)
      expect(world.runs()).toEqual([])
      back()
      yield* until("at work", Effect.sync(world.runs), (runs) => runs.length > 0)
      yield* world.rest
      expect(world.runs()).toEqual([[17, 1]])
      expect((yield* world.kept).issues[17]?.phase).toBe("frozen")
      yield* world.says(/warning/, false)
    }),
  )

const failing = (fault: Fault) => (world: World) => {
  world.sim.failNext({ ...fault, times: 100_000 })
  return { back: () => world.sim.forget() }
}

describe("a service whose forge", () => {
  it.scopedLive("is down goes on when it is back", () =>
    outlives(failing({ kind: "refused" }), /sweeps of the forge fail .*cannot be reached/),
  )

  it.scopedLive("is too slow goes on when it is faster", () =>
    outlives(failing({ kind: "slow" }), /sweeps of the forge fail .*no answer within/, {
      patience: 20_000,
    }),
  )

  it.scopedLive("fails goes on when it does not", () =>
    outlives(failing({ kind: "status", status: 500 }), /sweeps of the forge fail .*the forge failed/),
  )

  it.scopedLive("does not accept the token says so, and goes on when it does", () =>
    outlives(({ sim }) => {
      const bot = sim.state.ensureUser(BOT)
      const token = bot.token
      bot.token = undefined
      return { back: () => void (bot.token = token) }
    }, /sweeps of the forge fail .*does not accept the token/),
  )

  it.scopedLive("does not say who somebody is takes nobody for a stranger", () =>
    fast(
      Effect.gen(function* () {
        const { sim, kept, targets, rest, runs, ada, pr } = yield* served()
        const fails = () => {
          sim.failNext({ kind: "status", status: 500, path: "/members/ada", times: 100_000 })
          sim.failNext({ kind: "status", status: 429, path: "/permission", times: 100_000 })
        }
        // So long that each sweep that looks once more at what changed just now is over.
        const answersAgain = Effect.zipRight(Effect.sleep("3 minutes"), Effect.sync(sim.forget))
        fails()
        yield* targets(17)
        yield* answersAgain
        yield* rest
        expect(runs()).toEqual([[17, 1]])
        fails()
        yield* ada.comment(pr(17), "Ada says: use oak.")
        yield* answersAgain
        yield* rest
        expect(runs()).toEqual([
          [17, 1],
          [17, 2],
        ])
        expect((yield* kept).hints).toBe(0)
      }),
    ),
  )

  it.scopedLive("renamed a repository keeps what it has of it, and serves the others", () =>
    fast(
      Effect.gen(function* () {
        const { sim, kept, targets, rest, runs, ada, place, boxes } = yield* served({ more: [31] })
        yield* targets(17)
        yield* rest
        const cellar = sim.state.repo("ada", "cellar")
        if (cellar === undefined) return yield* Effect.dieMessage("there is no cellar")
        const [issue, pull] = [place(17), [...cellar.issues.values()].find((it) => it.pull !== undefined)]
        sim.state.renameRepo(cellar, "vault")
        yield* ada.comment({ owner: "ada", repo: "vault", number: pull?.number ?? 0 }, "Ada says: use oak.")
        yield* targets(31)
        yield* rest
        expect(runs()).toEqual([
          [17, 1],
          [31, 1],
        ])
        expect((yield* kept).issues[17]?.phase).toBe("frozen")
        expect(yield* boxes.fake.artifacts).toHaveLength(2)
        sim.state.renameRepo(cellar, "cellar")
        sim.state.renamed.clear()
        yield* ada.comment(issue, "And?")
        yield* rest
        expect(runs()[2]).toEqual([17, 2])
      }),
    ),
  )

  it.scopedLive("has a repository no more takes no issue of it for one that is gone", () =>
    fast(
      Effect.gen(function* () {
        const { sim, kept, targets, rest, runs, ada, pr, boxes, says } = yield* served({
          more: [31],
          takes: (run) => (run === 1 ? "10 seconds" : "4 minutes"),
        })
        yield* targets(17)
        yield* rest
        yield* ada.comment(pr(17), "Ada says: use oak.")
        yield* until("at work", kept, ({ issues }) => issues[17]?.phase === "running")
        const { repos } = sim.state
        const [cellar] = repos.splice(0, 1)
        yield* targets(31)
        yield* until("at work", Effect.sync(runs), (all) => all.length === 3)
        yield* until("ended", Effect.sync(boxes.working), (working) => working === 0)
        yield* says(/#17: it failed 5 times: .*the repository ada\/cellar does not exist/)
        expect((yield* kept).issues[17]).toMatchObject({ phase: "running", status: "running" })
        if (cellar !== undefined) repos.unshift(cellar)
        yield* ada.comment(pr(17), "Ada says: and ash.")
        yield* rest
        expect(runs()).toEqual([
          [17, 1],
          [17, 2],
          [31, 1],
          [17, 3],
        ])
        expect(boxes.journal.filter(({ isCut }) => isCut)).toEqual([])
        expect((yield* kept).issues[17]).toMatchObject({ phase: "frozen", status: "frozen" })
      }),
    ),
  )
})

describe("a service whose machine", () => {
  it.scopedLive("jumps in time neither takes its agents for silent nor loses what people say", () =>
    fast(
      Effect.gen(function* () {
        const { clock, jump } = jumpingClock(yield* Effect.clock)
        const world = yield* makeWorld({
          settle: 10_000,
          watchdog: 1 * HOURS,
          takes: () => "2 minutes",
        })
        const { sim, boxes, targets, rest, kept } = world
        yield* Effect.withClock(world.serve, clock)
        yield* targets(17)
        const working = until("at work", Effect.sync(boxes.working), (count) => count === 1)
        yield* working
        jump(10 * HOURS)
        yield* rest
        yield* sim.as("ada").comment(world.pr(17), "Ada says: use oak.")
        yield* working
        jump(-10 * HOURS)
        yield* rest
        expect(boxes.journal.map(({ run, together }) => [run, together])).toEqual([
          [1, 1],
          [2, 1],
        ])
        expect(boxes.journal.filter(({ isCut }) => isCut)).toEqual([])
        expect((yield* kept).issues[17]?.phase).toBe("frozen")
      }),
    ),
  )

  it.scopedLive.skipIf(!canMount)("has no room on its disk goes on when there is some", () =>
    fast(
      Effect.gen(function* () {
        const disk = yield* Effect.acquireRelease(
          Effect.sync(() => smallDisk(4)),
          ({ remove }) => Effect.sync(remove),
        )
        const { sim, targets, rest, runs, kept, says } = yield* served({ directory: disk.path })
        disk.fill()
        yield* targets(17)
        yield* sim.webhooks.idle
        expect(sim.webhooks.deliveries.map(({ answers }) => answers[0])).toContain(503)
        yield* says(/reported nothing .*the disk may be full|no space is left for/)
        disk.free()
        yield* rest
        expect(runs()).toEqual([[17, 1]])
        expect((yield* kept).issues[17]?.phase).toBe("frozen")
        yield* says(/warning/, false)
      }),
    ),
  )

  it.scopedLive("has its database locked by another process goes on when it is not", () =>
    fast(
      Effect.gen(function* () {
        const { sim, settings, targets, rest, runs, kept, says } = yield* served()
        const other = new SqliteDatabase(settings.filename)
        other.exec("BEGIN IMMEDIATE")
        yield* targets(17)
        yield* sim.webhooks.idle
        expect(sim.webhooks.deliveries.map(({ answers }) => answers[0])).toContain(503)
        yield* says(/reported nothing .*may lock the database/)
        other.exec("ROLLBACK")
        other.close()
        yield* rest
        expect(runs()).toEqual([[17, 1]])
        expect((yield* kept).issues[17]?.phase).toBe("frozen")
        yield* says(/warning/, false)
      }),
    ),
  )

  it.scopedLive("has a database of a newer version says so, and leaves it as it is", () =>
    fast(
      Effect.gen(function* () {
        const world = yield* makeWorld({ directory: yield* tempDir })
        const other = new SqliteDatabase(world.settings.filename)
        other.pragma("user_version = 9999")
        const exit = yield* Effect.exit(world.serve)
        expect(Exit.isFailure(exit) && Cause.pretty(exit.cause)).toMatch(/newer/)
        expect(other.pragma("user_version", { simple: true })).toBe(9999)
        other.close()
        expect(world.boxes.journal).toEqual([])
      }),
    ),
  )
})
