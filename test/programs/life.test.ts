import { it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Option, TestClock } from "effect"
import { describe, expect } from "vitest"
import { awaitExit } from "../../src/programs/awaitExit.ts"
import { destroy } from "../../src/programs/destroy.ts"
import { freeze } from "../../src/programs/freeze.ts"
import { launch } from "../../src/programs/launch.ts"
import { listBottles } from "../../src/programs/listBottles.ts"
import type { RunEvent } from "../../src/programs/options.ts"
import { relaunch } from "../../src/programs/relaunch.ts"
import { resumeHeadless } from "../../src/programs/resumeHeadless.ts"
import { startHeadless } from "../../src/programs/startHeadless.ts"
import { stop } from "../../src/programs/stop.ts"
import { BottleMetadata } from "../../src/domain/Bottle.ts"
import type { Slug } from "../../src/domain/Slug.ts"
import { BottleStore } from "../../src/services/BottleStore.ts"
import { ProvenanceStore } from "../../src/services/ProvenanceStore.ts"
import type { FakeStep } from "../../src/testing/FakeBackend.ts"
import { endless, inWorld } from "./world.ts"

const start = (options: { label?: string; observe?: (event: RunEvent) => Effect.Effect<void> } = {}) =>
  startHeadless("worker", { prompt: "work", ...options })
const states = Effect.map(listBottles(), (all) => all.map((bottle) => bottle.state))

/** A bottle in each state that there is. */
const makers = {
  running: () => launch("worker", { prompt: "work" }),
  exited: () => Effect.catchTag(start(), "AgentExited", ({ slug }) => Effect.succeed(slug as Slug)),
  frozen: () =>
    Effect.gen(function* () {
      const slug = yield* makers.exited()
      yield* freeze(slug)
      return slug
    }),
  created: () =>
    Effect.gen(function* () {
      const slug = yield* makers.exited()
      const store = yield* BottleStore
      const row = Option.getOrThrow(yield* store.get(slug))
      yield* destroy(slug)
      yield* store.put(row)
      return slug
    }),
}
/** What an effect fails with, by its name and its words. */
const failureOf = <A, E extends { readonly _tag: string; readonly message: string }, R>(
  effect: Effect.Effect<A, E, R>,
) => Effect.map(Effect.flip(effect), ({ _tag, message }) => ({ _tag, message }))
const scriptOf = (state: string) => (state === "running" ? endless : {})

describe("a start", () => {
  it.effect("tells the slug, the output and the exit, in order, and answers the slug", () =>
    inWorld({ agent: (_, io) => Effect.as(io.print("hi"), 0) }, () =>
      Effect.gen(function* () {
        const events: Array<RunEvent> = []
        const slug = yield* start({ observe: (event) => Effect.sync(() => events.push(event)) })
        expect(slug).toMatch(/^worker-[a-z2-7]{5}$/)
        expect(events.map((event) => event._tag)).toEqual(["Slug", "Output", "Exit"])
        expect(yield* states).toEqual(["exited"])
      }),
    ),
  )

  it.effect("fails with AgentExited and the signal when the exit code is not 0, and keeps the bottle", () =>
    inWorld({ agent: () => Effect.succeed(137) }, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(start())
        expect(error).toMatchObject({ _tag: "AgentExited", exitCode: 137, signal: "SIGKILL" })
        const [bottle] = yield* listBottles()
        expect(bottle).toMatchObject({ state: "exited", exit: Option.some({ code: 137, signal: "SIGKILL" }) })
      }),
    ),
  )

  for (const step of ["ensureImage", "create", "start"] satisfies ReadonlyArray<FakeStep>) {
    it.effect(`that fails at ${step} leaves no row, no box and no sidecar`, () =>
      inWorld({ fail: (at) => (at === step ? Option.some("boom") : Option.none()) }, ({ fake, sidecar }) =>
        Effect.gen(function* () {
          expect(yield* Effect.flip(start())).toMatchObject({ _tag: "BackendFailure", operation: step })
          expect(yield* listBottles()).toEqual([])
          expect(yield* fake.backend.list).toEqual([])
          for (const { slug } of sidecar.launches)
            expect(yield* sidecar.sidecar.find(slug)).toEqual(Option.none())
        }),
      ),
    )
  }

  it.effect("whose engine never answered keeps no row, though nothing can be asked to remove it", () =>
    inWorld(
      { fail: (at) => (at === "ensureImage" || at === "destroy" ? Option.some("no engine") : Option.none()) },
      () =>
        Effect.gen(function* () {
          expect(yield* Effect.flip(start())).toMatchObject({ operation: "ensureImage" })
          expect(yield* listBottles()).toEqual([])
        }),
    ),
  )

  it.effect("whose clean-up fails too keeps its row for destroy", () =>
    inWorld(
      { fail: (at) => (at === "start" || at === "destroy" ? Option.some("boom") : Option.none()) },
      () =>
        Effect.gen(function* () {
          expect(yield* Effect.flip(start())).toMatchObject({ operation: "start" })
          expect(yield* states).toEqual(["created"])
        }),
    ),
  )

  it.effect("gives the second of two with one label at once a number", () =>
    inWorld({}, () =>
      Effect.gen(function* () {
        const slugs = yield* Effect.all([start({ label: "Door" }), start({ label: "Door" })], {
          concurrency: 2,
        })
        expect(slugs.map((slug) => slug.slice(0, -6)).sort()).toEqual(["door", "door-2"])
      }),
    ),
  )

  it.effect("interrupted while the agent works leaves the agent at work, for another watcher", () =>
    inWorld(endless, () =>
      Effect.gen(function* () {
        const slug = yield* launch("worker", { prompt: "work" })
        const watcher = yield* Effect.fork(awaitExit(slug))
        yield* Effect.yieldNow()
        yield* Fiber.interrupt(watcher)
        expect(yield* states).toEqual(["running"])
        const again = yield* Effect.fork(Effect.flip(awaitExit(slug)))
        yield* Effect.yieldNow()
        yield* stop(slug)
        expect(yield* Fiber.join(again)).toMatchObject({
          _tag: "AgentExited",
          exitCode: 143,
          signal: "SIGTERM",
        })
      }),
    ),
  )

  it.effect("has one watcher: a second is told who is there", () =>
    inWorld(endless, () =>
      Effect.gen(function* () {
        const slug = yield* launch("worker", { prompt: "work" })
        yield* Effect.fork(awaitExit(slug))
        yield* Effect.yieldNow()
        expect(yield* Effect.flip(awaitExit(slug))).toMatchObject({ _tag: "BottleBusy", pid: process.pid })
      }),
    ),
  )

  it.effect("checks the prompt before anything is looked up", () =>
    inWorld({}, () =>
      Effect.map(Effect.flip(startHeadless("nobody", { prompt: "" })), (error) =>
        expect(error).toMatchObject({ _tag: "InvalidInput", field: "prompt" }),
      ),
    ),
  )

  it.effect("needs an agent, a bottle and a backend that there are", () =>
    inWorld({}, () =>
      Effect.gen(function* () {
        const tags = yield* Effect.forEach(
          [
            startHeadless("nobody", { prompt: "x" }),
            startHeadless("homeless", { prompt: "x", bottles: [] }),
            startHeadless("worker", { prompt: "x", bottles: ["none"] }),
            startHeadless("worker", { prompt: "x", backend: "cloud" }),
          ],
          (attempt) => Effect.map(Effect.flip(attempt), (error) => error._tag),
        )
        expect(tags).toEqual(["AgentNotFound", "NoDefaultBottle", "ManifestInvalid", "BackendNotFound"])
      }),
    ),
  )
})

describe("what each command does in each state", () => {
  const outcomes = {
    resume: { created: "running", running: "BottleRunning", exited: "running", frozen: "running" },
    stop: { created: "created", running: "exited", exited: "exited", frozen: "frozen" },
    freeze: { created: "FreezeFailed", running: "frozen", exited: "frozen", frozen: "frozen" },
    destroy: { created: "gone", running: "gone", exited: "gone", frozen: "gone" },
  } as const
  const commands = {
    resume: (slug: string) => Effect.asVoid(relaunch(slug, { prompt: "more" })),
    stop,
    freeze: (slug: string) => freeze(slug),
    destroy: (slug: string) => destroy(slug),
  }
  for (const [command, byState] of Object.entries(outcomes)) {
    for (const [state, expected] of Object.entries(byState)) {
      const script = command === "resume" && state !== "running" ? { agent: onlyFirstEnds } : scriptOf(state)
      it.effect(`${command} of a bottle that is ${state}: ${expected}`, () =>
        inWorld(script, () =>
          Effect.gen(function* () {
            const slug = yield* makers[state as keyof typeof makers]()
            const result = yield* Effect.either(commands[command as keyof typeof commands](slug))
            const after = result._tag === "Left" ? result.left._tag : ((yield* states)[0] ?? "gone")
            expect(after).toBe(expected)
          }),
        ),
      )
    }
  }

  it.effect("of an unknown slug: resume and freeze fail, stop and destroy are ok", () =>
    inWorld({}, () =>
      Effect.gen(function* () {
        expect((yield* Effect.flip(relaunch("none-abcde", { prompt: "x" })))._tag).toBe("BottleNotFound")
        expect((yield* Effect.flip(freeze("none-abcde")))._tag).toBe("BottleNotFound")
        yield* stop("none-abcde")
        yield* destroy("none-abcde", { backend: "fake" })
      }),
    ),
  )
})

/** An agent whose first run ends, and whose later ones do not; a run that starts anew is its second first. */
const firstRuns = new Map<string, number>()
function onlyFirstEnds(plan: { readonly slug: string }): Effect.Effect<number> {
  return Effect.suspend(() => {
    const runs = (firstRuns.get(plan.slug) ?? 0) + 1
    firstRuns.set(plan.slug, runs)
    return runs === 1 ? Effect.succeed(0) : Effect.never
  })
}

describe("a resume", () => {
  it.effect("starts from the artifact, as the same user, with the next run's number and no workspace", () =>
    inWorld({}, ({ fake }) =>
      Effect.gen(function* () {
        const slug = yield* startHeadless("worker", { prompt: "work", copyCwd: true })
        yield* resumeHeadless(slug, { prompt: "more" })
        yield* resumeHeadless(slug, { prompt: "still more" })
        const plans = yield* fake.plans
        expect(
          plans.map(({ run, image, rehydrate, user, prompt, workspace }) => [
            run,
            image,
            rehydrate,
            user,
            prompt,
            workspace?.tracked,
          ]),
        ).toEqual([
          [1, "image", false, undefined, "work", ["a"]],
          [2, `fake/${slug}:run-1`, true, "1000:1000", "more", undefined],
          [3, `fake/${slug}:run-2`, true, "1000:1000", "still more", undefined],
        ])
        expect(yield* fake.artifacts).toEqual([`fake/${slug}:run-2`])
      }),
    ),
  )

  it.effect("that was killed before its agent began has the number of that run again", () =>
    inWorld({}, ({ fake }) =>
      Effect.gen(function* () {
        const slug = yield* start()
        yield* freeze(slug)
        yield* TestClock.adjust("1 second")
        const store = yield* BottleStore
        const [first] = yield* fake.plans
        if (first === undefined) return yield* Effect.dieMessage("nothing was created")
        yield* fake.backend.create({ ...first, run: 2, image: `fake/${slug}:run-1`, rehydrate: true })
        yield* store.modify(
          slug,
          (row) =>
            new BottleMetadata({
              ...row,
              run: 2,
              startedAt: Option.some(new Date(1000).toISOString()),
              exit: Option.none(),
            }),
        )
        expect(yield* listBottles()).toMatchObject([{ state: "created", run: 2 }])
        yield* resumeHeadless(slug, { prompt: "more" })
        expect(yield* listBottles()).toMatchObject([{ state: "exited", run: 2 }])
        const statements = yield* Effect.flatMap(ProvenanceStore, ({ of }) => of(slug))
        expect(statements.map(({ run }) => run)).toEqual([1, 2])
      }),
    ),
  )

  it.effect("that fails leaves the bottle frozen, and a second one works", () => {
    let failures = 1
    return inWorld(
      {
        fail: (at) =>
          at === "start" && runs++ === 1 && failures-- > 0 ? Option.some("boom") : Option.none(),
      },
      () =>
        Effect.gen(function* () {
          const slug = yield* start()
          expect(yield* Effect.flip(resumeHeadless(slug, { prompt: "more" }))).toMatchObject({
            operation: "start",
          })
          expect(yield* states).toEqual(["frozen"])
          yield* resumeHeadless(slug, { prompt: "more" })
          expect((yield* listBottles())[0]).toMatchObject({ state: "exited", run: 2 })
        }),
    )
  })
  let runs = 0

  it.effect(
    "by another backend is refused, and so are freeze and destroy, saying which made the bottle",
    () =>
      inWorld({}, () =>
        Effect.gen(function* () {
          const slug = yield* start()
          const attempts = (backend: string) => [
            failureOf(relaunch(slug, { prompt: "x", backend })),
            failureOf(freeze(slug, { backend })),
            failureOf(destroy(slug, { backend })),
          ]
          for (const attempt of attempts("other")) {
            const { _tag, message } = yield* attempt
            expect([_tag, message]).toEqual([
              "InvalidInput",
              expect.stringMatching(/belongs to backend fake/),
            ])
          }
          for (const attempt of attempts("cloud")) {
            expect((yield* attempt)._tag).toBe("BackendNotFound")
          }
          expect(yield* states).toEqual(["exited"])
          yield* freeze(slug, { backend: "alias" })
          expect(yield* destroy(slug, { backend: "alias" })).toBe(true)
          expect(yield* states).toEqual([])
        }),
      ),
  )
})

describe("a freeze", () => {
  it.effect("that fails leaves the stopped bottle, and a second one finishes it", () => {
    let failures = 1
    return inWorld(
      { fail: (at) => (at === "freeze" && failures-- > 0 ? Option.some("disk full") : Option.none()) },
      () =>
        Effect.gen(function* () {
          const slug = yield* start()
          expect(yield* Effect.flip(freeze(slug))).toMatchObject({ _tag: "FreezeFailed" })
          expect(yield* states).toEqual(["exited"])
          yield* freeze(slug)
          expect(yield* states).toEqual(["frozen"])
        }),
    )
  })
})

describe("a bottle that another engine has", () => {
  it.effect(
    "is not touched or judged by the one that answers; destroy gives it up when its backend is named",
    () => {
      const engines = ["first"]
      return inWorld({ ...endless, engine: () => engines[0] ?? "" }, ({ fake, sidecar }) =>
        Effect.gen(function* () {
          const slug = yield* launch("worker", { prompt: "work" })
          yield* fake.backend.destroy(slug)
          engines.unshift("second")
          expect(yield* states).toEqual(["unknown"])
          for (const attempt of [
            failureOf(stop(slug)),
            failureOf(freeze(slug)),
            failureOf(destroy(slug)),
            failureOf(relaunch(slug, { prompt: "more" })),
            failureOf(awaitExit(slug)),
          ]) {
            const error = yield* attempt
            expect([error._tag, error.message]).toEqual([
              "BackendFailure",
              expect.stringMatching(/another engine has it/),
            ])
          }
          expect(yield* sidecar.sidecar.list).toHaveLength(1)
          expect(yield* destroy(slug, { backend: "fake" })).toBe(true)
          expect(yield* states).toEqual([])
        }),
      )
    },
  )
})

describe("a frozen bottle whose artifact is gone", () => {
  it.effect("is lost: nothing goes on with it, and destroy removes it", () =>
    inWorld({}, ({ fake }) =>
      Effect.gen(function* () {
        const slug = yield* makers.frozen()
        yield* fake.backend.removeArtifacts(slug, Option.none())
        expect(yield* states).toEqual(["lost"])
        const resumed = yield* Effect.flip(relaunch(slug, { prompt: "more" }))
        const frozen = yield* Effect.flip(freeze(slug))
        for (const { message } of [resumed, frozen]) expect(message).toMatch(/artifact .* is gone from fake/)
        expect(frozen.message).not.toMatch(/tries again/)
        expect(yield* stop(slug)).toEqual(Option.some("lost"))
        expect(yield* fake.plans).toHaveLength(1)
        yield* destroy(slug)
        expect(yield* states).toEqual([])
      }),
    ),
  )
})

it.effect("a freeze of a bottle that never ran does not promise that a second one helps", () =>
  inWorld({}, () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(freeze(yield* makers.created()))
      expect(error.message).toMatch(/nothing to save.*resume/)
      expect(error.message).not.toMatch(/tries again|nothing is lost/)
    }),
  ),
)

describe("destroy", () => {
  it.effect("that cannot remove the box keeps the row, and says so", () =>
    inWorld({ fail: (at) => (at === "destroy" ? Option.some("in use") : Option.none()) }, () =>
      Effect.gen(function* () {
        const slug = yield* start()
        expect(yield* Effect.flip(destroy(slug))).toMatchObject({
          _tag: "BackendFailure",
          operation: "destroy",
        })
        expect(yield* states).toEqual(["exited"])
      }),
    ),
  )

  it.effect("under a watcher ends it with the signal, and nothing comes back", () =>
    inWorld(endless, ({ fake }) =>
      Effect.gen(function* () {
        const slug = yield* launch("worker", { prompt: "work" })
        const watcher = yield* Effect.fork(Effect.flip(awaitExit(slug)))
        yield* Effect.yieldNow()
        yield* destroy(slug)
        const error = yield* Fiber.join(watcher)
        expect(error).toMatchObject({
          _tag: "AgentExited",
          signal: expect.stringMatching(/SIG(TERM|KILL)/),
          message: expect.stringMatching(/the bottle was destroyed, and nothing of it is kept$/),
        })
        expect([yield* listBottles(), yield* fake.backend.list]).toEqual([[], []])
      }),
    ),
  )

  it.effect("half-way through, when the box is gone and the row is not, is waited for by a watcher", () =>
    inWorld(
      { ...endless, fail: (at) => (at === "wait" ? Option.some("No such container") : Option.none()) },
      ({ fake }) =>
        Effect.gen(function* () {
          const slug = yield* launch("worker", { prompt: "work" })
          const store = yield* BottleStore
          const [gone, goOn] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
          const destroying = yield* fake.backend
            .destroy(slug)
            .pipe(
              Effect.zipRight(Deferred.succeed(gone, undefined)),
              Effect.zipRight(Deferred.await(goOn)),
              Effect.zipRight(store.remove(slug)),
              (steps) => store.withOperation(slug, "destroy", steps),
              Effect.fork,
            )
          yield* Deferred.await(gone)
          const watcher = yield* Effect.fork(Effect.flip(awaitExit(slug)))
          yield* TestClock.adjust("1 minute")
          expect(Option.isNone(yield* Fiber.poll(watcher))).toBe(true)
          yield* Deferred.succeed(goOn, undefined)
          yield* Fiber.join(destroying)
          yield* TestClock.adjust("1 second")
          expect(yield* Fiber.join(watcher)).toMatchObject({ _tag: "AgentExited", signal: "SIGKILL" })
        }),
    ),
  )
})
