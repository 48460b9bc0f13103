import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Logger, Option, Stream, TestClock } from "effect"
import type { BottlePlan } from "../../src/domain/Bottle.ts"
import { Cancelled } from "../../src/domain/Errors.ts"
import { awaitExit } from "../../src/programs/awaitExit.ts"
import { attach, resumeInteractive, startInteractive } from "../../src/programs/interactive.ts"
import { launch } from "../../src/programs/launch.ts"
import { listBottles } from "../../src/programs/listBottles.ts"
import type { RunEvent } from "../../src/programs/options.ts"
import { copyOut, openShell } from "../../src/programs/tools.ts"
import { BottleStore } from "../../src/services/BottleStore.ts"
import { endless, inWorld } from "./world.ts"

const agree = () => Effect.void
/** Time goes on while an effect runs: what waits for a box looks at intervals. */
const ticking = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(effect)
    for (let n = 0; n < 100 && Option.isNone(yield* Fiber.poll(fiber)); n++) {
      yield* TestClock.adjust("200 millis")
    }
    return yield* Fiber.join(fiber)
  })

describe("an agent on a terminal", () => {
  it.effect("is started once the plan is agreed to; its end is told and stored", () =>
    inWorld({ agent: () => Effect.succeed(0) }, () =>
      Effect.gen(function* () {
        const events: Array<RunEvent> = []
        const plans: Array<BottlePlan> = []
        const slug = yield* ticking(
          startInteractive(
            "worker",
            { observe: (event) => Effect.sync(() => void events.push(event)) },
            (plan) => Effect.sync(() => void plans.push(plan)),
          ),
        )
        expect(plans).toMatchObject([{ interactive: true }])
        expect(events.map(({ _tag }) => _tag)).toEqual(["Slug", "Exit"])
        expect(yield* listBottles()).toMatchObject([
          { slug, state: "exited", exit: Option.some({ code: 0 }) },
        ])
      }),
    ),
  )

  /** Starts an agent that works on, and leaves its terminal: the bottles that were handed over. */
  const leftAtWork = Effect.gen(function* () {
    const handed: Array<string> = []
    const handOver = (slug: string) => Effect.sync(() => void handed.push(slug))
    const left = yield* Effect.fork(ticking(startInteractive("worker", { handOver }, agree)))
    yield* Effect.repeat(Effect.zipRight(TestClock.adjust("200 millis"), listBottles()), {
      until: (rows) => rows.some(({ state }) => state === "running"),
    })
    yield* Fiber.interrupt(left)
    return { handed, handOver }
  })

  it.effect("has its screen to itself: a sidecar that dies is launched again without a word", () =>
    inWorld({ agent: () => Effect.never }, ({ sidecar }) =>
      Effect.gen(function* () {
        const lines: Array<string> = []
        const logger = Logger.make(({ message }) => void lines.push(String(message)))
        const heard = Effect.provide(Logger.replace(Logger.defaultLogger, logger))
        const attached = yield* Effect.fork(heard(ticking(startInteractive("worker", {}, agree))))
        const pass = (until: (slug: string, state: string) => boolean) =>
          Effect.repeat(Effect.zipRight(TestClock.adjust("200 millis"), listBottles()), {
            until: (rows) => rows.some(({ slug, state }) => until(slug, state)),
          })
        const [running] = yield* pass((_, state) => state === "running")
        yield* sidecar.kill(String(running?.slug))
        yield* pass(() => sidecar.launches.length === 2)
        expect(lines).toEqual([])
        yield* Fiber.interrupt(attached)
      }),
    ),
  )

  it.effect("that is left at work without limits is not handed over", () =>
    inWorld({ agent: () => Effect.never }, () =>
      Effect.gen(function* () {
        expect((yield* leftAtWork).handed).toEqual([])
      }),
    ),
  )

  it.effect("that is left at work is handed over when it has limits, and one that has ended is not", () =>
    inWorld(
      { agent: (plan) => (plan.run === 1 ? Effect.never : Effect.succeed(0)) },
      ({ fake }) =>
        Effect.gen(function* () {
          const { handed, handOver } = yield* leftAtWork
          const [slug = "none"] = (yield* listBottles()).map((bottle) => String(bottle.slug))
          expect(handed).toEqual([slug])
          const watcher = yield* Effect.fork(Effect.flip(awaitExit(slug)))
          yield* TestClock.adjust("2 minutes")
          expect(yield* Fiber.join(watcher)).toMatchObject({ _tag: "LimitReached", limit: "timeout" })
          yield* ticking(resumeInteractive(slug, { handOver }, agree))
          expect([handed, (yield* fake.backend.list).length]).toEqual([[slug], 1])
        }),
      { bottle: { limits: { timeout: "1 minute" } } },
    ),
  )

  it.effect("is not started when the plan is declined, and nothing is made", () =>
    inWorld({}, ({ fake }) =>
      Effect.gen(function* () {
        const declined = startInteractive("worker", {}, () => new Cancelled({ reason: "no" }))
        expect(yield* Effect.flip(declined)).toMatchObject({ _tag: "Cancelled" })
        expect(yield* fake.steps).toEqual([])
        expect(yield* listBottles()).toEqual([])
      }),
    ),
  )

  it.effect("that ends badly fails with its code", () =>
    inWorld({ agent: () => Effect.succeed(3) }, () =>
      Effect.gen(function* () {
        const ended = yield* Effect.flip(ticking(startInteractive("worker", {}, agree)))
        expect(ended).toMatchObject({ _tag: "AgentExited", exitCode: 3 })
      }),
    ),
  )

  it.effect("that could not be started leaves no row, no box and no sidecar", () =>
    inWorld(
      { fail: (step) => (step === "start" ? Option.some("boom") : Option.none()) },
      ({ fake, sidecar }) =>
        Effect.gen(function* () {
          expect(yield* Effect.flip(ticking(startInteractive("worker", {}, agree)))).toMatchObject({
            operation: "start",
          })
          expect(yield* listBottles()).toEqual([])
          expect(yield* fake.backend.list).toEqual([])
          expect(yield* sidecar.sidecar.list).toEqual([])
        }),
    ),
  )

  it.effect("whose resume could not be started stays frozen", () => {
    const broken = { now: false }
    return inWorld(
      { fail: (step) => (step === "start" && broken.now ? Option.some("boom") : Option.none()) },
      ({ sidecar }) =>
        Effect.gen(function* () {
          const slug = yield* ticking(startInteractive("worker", {}, agree))
          broken.now = true
          yield* Effect.flip(ticking(resumeInteractive(slug, {}, agree)))
          expect(yield* listBottles()).toMatchObject([{ slug, state: "frozen" }])
          expect(yield* sidecar.sidecar.list).toEqual([])
        }),
    )
  })

  it.effect("that another process watches is attached to, and its end told", () =>
    inWorld({ agent: () => Effect.as(Effect.sleep("5 seconds"), 4) }, () =>
      Effect.gen(function* () {
        const slug = yield* launch("worker", { prompt: "x" })
        const store = yield* BottleStore
        const result = yield* ticking(store.watch(slug, Effect.exit(attach(slug))))
        expect(Exit.isFailure(result) && result.cause).toMatchObject({
          error: { _tag: "AgentExited", exitCode: 4 },
        })
      }),
    ),
  )

  it.effect("is not come back to once it has ended, or when there is none", () =>
    inWorld({}, () =>
      Effect.gen(function* () {
        const slug = yield* ticking(startInteractive("worker", {}, agree))
        expect((yield* Effect.flip(attach(slug))).message).toMatch(/does not run \(exited\).*resume/)
        expect(yield* Effect.flip(attach("nothing-here"))).toMatchObject({ _tag: "BottleNotFound" })
        expect(yield* Effect.flip(openShell(slug))).toMatchObject({ _tag: "InvalidInput" })
      }),
    ),
  )
})

describe("files of a bottle", () => {
  it.effect("are those of its box, else of its artifact; a shell needs a running agent", () =>
    inWorld(endless, () =>
      Effect.gen(function* () {
        const slug = yield* launch("worker", { prompt: "x" })
        expect(yield* openShell(slug)).toBe(0)
        expect(yield* Stream.runCount(copyOut(slug, "report"))).toBeGreaterThan(0)
        for (const path of ["", "a\0b"]) {
          expect(yield* Effect.flip(Stream.runDrain(copyOut(slug, path)))).toMatchObject({ field: "path" })
        }
      }),
    ),
  )
})
