/** Start and resume in their steps, as a program that asks between plan and launch imports them from the package. */
import { it } from "@effect/vitest"
import {
  awaitExit,
  InvalidInput,
  launch,
  listBottles,
  performResume,
  performStart,
  planResume,
  planStart,
  prepareResume,
  prepareStart,
  relaunch,
} from "bot-bottle"
import { Deferred, Effect, Option } from "effect"
import { describe, expect } from "vitest"
import { inWorld } from "./world.ts"

const states = Effect.map(listBottles(), (all) => all.map((bottle) => bottle.state))

/** Agents whose first run ends at once, and whose later ones end when `goOn` does. */
const laterRunsWait = (goOn: Deferred.Deferred<void>) => ({
  agent: ({ run }: { readonly run: number }) =>
    run === 1 ? Effect.succeed(0) : Effect.as(Deferred.await(goOn), 0),
})

describe("a prepared start", () => {
  it.effect("shows its plan while nothing exists, and is then performed", () =>
    inWorld({}, ({ fake, sidecar }) =>
      Effect.gen(function* () {
        const prepared = yield* prepareStart("worker", { label: "door" }, Option.some("work"))
        const plan = yield* planStart(prepared)
        expect(plan).toMatchObject({ agent: "worker", run: 1, interactive: false, prompt: "work" })
        expect([yield* listBottles(), yield* fake.steps, sidecar.launches]).toEqual([[], [], []])
        const slug = yield* performStart(prepared)
        expect(slug).toBe(plan.slug)
        yield* awaitExit(slug)
        expect(yield* states).toEqual(["exited"])
      }),
    ),
  )

  it.effect("whose claim fails makes nothing, and whose launch fails takes the claim back", () =>
    inWorld({ fail: (step) => (step === "create" ? Option.some("boom") : Option.none()) }, ({ fake }) =>
      Effect.gen(function* () {
        const prepared = yield* prepareStart("worker", {}, Option.some("work"))
        const taken = Effect.fail(new InvalidInput({ field: "issue", reason: "taken" }))
        expect(yield* Effect.flip(performStart(prepared, () => taken))).toMatchObject({ field: "issue" })
        expect([yield* listBottles(), yield* fake.steps]).toEqual([[], []])
        const claims: Array<string> = []
        const claim = ({ slug }: { readonly slug: string }) =>
          Effect.sync(() => {
            claims.push(`claimed by ${slug}`)
            return Effect.sync(() => void claims.push("taken back"))
          })
        expect(yield* Effect.flip(performStart(prepared, claim))).toMatchObject({ operation: "create" })
        expect(claims).toEqual([expect.stringMatching(/^claimed by worker-/), "taken back"])
        expect(yield* listBottles()).toEqual([])
      }),
    ),
  )

  it.effect("without anything to tell the agent is refused", () =>
    inWorld({}, () =>
      Effect.gen(function* () {
        const start = Effect.flip(prepareStart("worker", {}, Option.some(" ")))
        expect(yield* start).toMatchObject({ _tag: "InvalidInput", field: "prompt" })
        const resume = Effect.flip(prepareResume("none-abcde", {}, Option.some(" ")))
        expect(yield* resume).toMatchObject({ _tag: "InvalidInput", field: "prompt" })
      }),
    ),
  )
})

describe("a relaunch", () => {
  it.effect("returns when the agent runs, and awaitExit waits for its end", () =>
    Effect.gen(function* () {
      const goOn = yield* Deferred.make<void>()
      yield* inWorld(laterRunsWait(goOn), () =>
        Effect.gen(function* () {
          const slug = yield* launch("worker", { prompt: "work" })
          yield* awaitExit(slug)
          expect(yield* relaunch(slug, { prompt: "more" })).toBe(slug)
          expect(yield* states).toEqual(["running"])
          yield* Deferred.succeed(goOn, undefined)
          yield* awaitExit(slug)
          expect(yield* states).toEqual(["exited"])
        }),
      )
    }),
  )

  it.effect("in steps shows the plan and what it continues from, and changes nothing before", () =>
    inWorld({}, ({ fake }) =>
      Effect.gen(function* () {
        const slug = yield* launch("worker", { prompt: "work" })
        yield* awaitExit(slug)
        const before = yield* fake.steps
        const prepared = yield* prepareResume(slug, {}, Option.some("more"))
        expect(yield* planResume(prepared)).toMatchObject({ slug, run: 2, continues: { run: 1 } })
        expect([yield* states, yield* fake.steps]).toEqual([["exited"], before])
        expect(yield* performResume(prepared)).toBe(slug)
        yield* awaitExit(slug)
        expect((yield* fake.plans).map(({ run }) => run)).toEqual([1, 2])
      }),
    ),
  )
})
