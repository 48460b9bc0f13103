/** When statements about runs are made, whatever ends a run and wherever a process is killed. */
import { it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { describe, expect } from "vitest"
import { collectGarbage } from "../../src/programs/collectGarbage.ts"
import { destroy } from "../../src/programs/destroy.ts"
import { freeze } from "../../src/programs/freeze.ts"
import { launch } from "../../src/programs/launch.ts"
import { orchestrateStart } from "../../src/programs/orchestrateStart.ts"
import { resumeHeadless } from "../../src/programs/resumeHeadless.ts"
import { startHeadless } from "../../src/programs/startHeadless.ts"
import { provenanceOf, verifyProvenance } from "../../src/programs/verifyProvenance.ts"
import { NO_TOKENS } from "../../src/domain/usage/Tokens.ts"
import { decodeStatement } from "../../src/domain/Provenance.ts"
import type { Slug } from "../../src/domain/Slug.ts"
import { BottleStore } from "../../src/services/BottleStore.ts"
import { ProvenanceStore } from "../../src/services/ProvenanceStore.ts"
import { endless, inWorld } from "./world.ts"

const work = Effect.suspend(() => startHeadless("worker", { prompt: "work" }))
/** What is stored, without making what is missing. */
const stored = (slug: Slug) =>
  Effect.gen(function* () {
    const all = yield* (yield* ProvenanceStore).of(slug)
    return all.map(({ run, payload, envelope }) => ({
      run,
      isSigned: envelope !== null,
      exit: Option.getOrNull(Option.map(decodeStatement(payload), (it) => it.predicate.exit?.code ?? null)),
    }))
  })
const one = { run: 1, isSigned: true, exit: 0 }

/** As if the process had been killed before it stored the statement. */
const lost = (slug: Slug) => Effect.flatMap(ProvenanceStore, (store) => store.forget(slug))

const USE = {
  models: [
    { route: "api", model: "m", calls: 3, ...NO_TOKENS, input: 900, estimated: 0, cost: 5000, unpriced: 0 },
  ],
  hosts: [],
}

/** What may look at a bottle next. */
const looks = [
  ["freeze", (slug: Slug) => freeze(slug)],
  ["destroy", (slug: Slug) => destroy(slug)],
  ["gc", () => collectGarbage()],
  ["show", (slug: Slug) => provenanceOf(slug)],
  ["verify", (slug: Slug) => verifyProvenance(slug)],
] as const

describe("a statement", () => {
  it.effect("is made and signed when the agent has ended, once, and stays after freeze and destroy", () =>
    inWorld({}, () =>
      Effect.gen(function* () {
        const slug = yield* work
        expect(yield* stored(slug)).toEqual([one])
        yield* freeze(slug)
        yield* resumeHeadless(slug, { prompt: "more" })
        expect(yield* stored(slug)).toEqual([one, { ...one, run: 2 }])
        yield* destroy(slug)
        yield* destroy(slug, { backend: "fake" })
        expect(yield* stored(slug)).toEqual([one, { ...one, run: 2 }])
        expect(yield* verifyProvenance(slug)).toMatchObject({ ok: true, runs: [{ run: 1 }, { run: 2 }] })
      }),
    ),
  )

  it.effect("is made when an agent at work is frozen or destroyed, and names its issue", () =>
    inWorld(endless, () =>
      Effect.gen(function* () {
        const frozen = yield* launch("worker", { prompt: "work" })
        yield* freeze(frozen)
        expect(yield* stored(frozen)).toMatchObject([{ run: 1, isSigned: true }])
        const destroyed = yield* launch("worker", { prompt: "work" })
        yield* destroy(destroyed)
        expect(yield* stored(destroyed)).toEqual([{ run: 1, isSigned: true, exit: null }])
      }),
    ),
  )

  it.effect("names what the run used, also of an agent that is destroyed at work", () =>
    inWorld(endless, ({ sidecar }) =>
      Effect.gen(function* () {
        for (const end of [freeze, destroy]) {
          const slug = yield* launch("worker", { prompt: "work" })
          yield* sidecar.count(slug, USE)
          yield* end(slug)
          const [stated] = yield* (yield* ProvenanceStore).of(slug)
          const statement = Option.getOrThrow(decodeStatement(stated?.payload ?? ""))
          expect(statement.predicate.use).toEqual(USE)
        }
      }),
    ),
  )

  it.effect("names the issue that the run worked on", () =>
    inWorld({}, () =>
      Effect.gen(function* () {
        const slug = yield* orchestrateStart({ agent: "worker", prompt: "work" })
        const found = yield* (yield* ProvenanceStore).ofIssue({ owner: "ada", repo: "cellar", number: 17 })
        expect(found).toMatchObject([{ slug, run: 1 }])
      }),
    ),
  )

  it.effect("that a killed process did not make is made by whatever looks at the bottle next", () =>
    inWorld({}, () =>
      Effect.gen(function* () {
        for (const [name, look] of looks) {
          const slug = yield* work
          yield* lost(slug)
          yield* look(slug)
          expect([name, (yield* stored(slug))[0]]).toEqual([name, one])
        }
      }),
    ),
  )

  it.effect("of a run whose end nobody saw is made before the next run begins", () =>
    inWorld({}, () =>
      Effect.gen(function* () {
        const slug = yield* work
        yield* freeze(slug)
        yield* lost(slug)
        yield* resumeHeadless(slug, { prompt: "more" })
        expect(yield* verifyProvenance(slug)).toMatchObject({ ok: true, runs: [{ run: 1 }, { run: 2 }] })
      }),
    ),
  )

  it.effect("is not made for a launch whose agent never ran, nor for an agent at work", () =>
    inWorld(endless, () =>
      Effect.gen(function* () {
        const slug = yield* launch("worker", { prompt: "work" })
        yield* collectGarbage()
        expect((yield* provenanceOf(slug)).statements).toEqual([])
        expect(yield* verifyProvenance(slug)).toMatchObject({ ok: true, runs: [] })
        const store = yield* BottleStore
        const row = Option.getOrThrow(yield* store.get(slug))
        yield* destroy(slug)
        yield* lost(slug)
        yield* store.put({ ...row, startedAt: Option.none() })
        yield* destroy(slug)
        expect(yield* stored(slug)).toEqual([])
      }),
    ),
  )
})
