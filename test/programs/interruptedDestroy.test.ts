/** A destroy that does not come to its end: the row says so, and nothing but a destroy goes on with the bottle. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Option, TestClock } from "effect"
import { BottleMetadata } from "../../src/domain/Bottle.ts"
import { collectGarbage } from "../../src/programs/collectGarbage.ts"
import { destroy } from "../../src/programs/destroy.ts"
import { freeze } from "../../src/programs/freeze.ts"
import { listBottles } from "../../src/programs/listBottles.ts"
import { orchestrateStart } from "../../src/programs/orchestrateStart.ts"
import { orchestrateStatus } from "../../src/programs/orchestrateStatus.ts"
import { resumeHeadless } from "../../src/programs/resumeHeadless.ts"
import { runningBottle } from "../../src/programs/tools.ts"
import { Slug } from "../../src/domain/Slug.ts"
import { BottleStore } from "../../src/services/BottleStore.ts"
import { inWorld } from "./world.ts"

const states = Effect.map(listBottles(), (all) => all.map(({ state }) => state))

/** A frozen bottle of an issue, whose artifact has gone when its destroy was killed. */
const interrupted = Effect.gen(function* () {
  yield* orchestrateStart({ agent: "worker", prompt: "work" })
  const [slug = Slug.make("none")] = (yield* listBottles()).map((bottle) => bottle.slug)
  yield* freeze(slug)
  const store = yield* BottleStore
  yield* store.modify(
    slug,
    (row) => new BottleMetadata({ ...row, destroyingAt: Option.some(new Date(0).toISOString()) }),
  )
  return slug
})

describe("a destroy that was interrupted", () => {
  it.effect("is told by list and status; resume, freeze and shell say to run it again", () =>
    inWorld({}, ({ fake }) =>
      Effect.gen(function* () {
        const slug = yield* interrupted
        yield* fake.backend.removeArtifacts(slug, Option.none())
        expect(yield* states).toEqual(["destroying"])
        expect(yield* orchestrateStatus()).toMatchObject([{ slug, status: "destroying" }])
        const failures = yield* Effect.all([
          Effect.flip(resumeHeadless(slug, { prompt: "more" })),
          Effect.flip(freeze(slug)),
          Effect.flip(runningBottle(slug)),
        ])
        for (const { message } of failures)
          expect(message).toContain(`"bot-bottle destroy ${slug}" finishes it`)
        yield* destroy(slug)
        expect(yield* states).toEqual([])
        expect(yield* orchestrateStatus()).toEqual([])
      }),
    ),
  )

  it.effect("is finished by gc, but not while it is young or under way", () =>
    inWorld({}, ({ fake }) =>
      Effect.gen(function* () {
        const slug = yield* interrupted
        const store = yield* BottleStore
        yield* collectGarbage()
        expect(yield* states).toEqual(["destroying"])
        yield* TestClock.adjust("11 minutes")
        yield* store.withOperation(slug, "destroy", collectGarbage())
        expect(yield* states).toEqual(["destroying"])
        yield* collectGarbage()
        expect(yield* states).toEqual([])
        expect(yield* fake.artifacts).toEqual([])
      }),
    ),
  )

  it.effect("is not told of one that failed before anything had gone", () => {
    let failures = 1
    return inWorld(
      { fail: (at) => (at === "destroy" && failures-- > 0 ? Option.some("in use") : Option.none()) },
      () =>
        Effect.gen(function* () {
          const slug = yield* interrupted
          expect(Exit.isFailure(yield* Effect.exit(destroy(slug)))).toBe(true)
          expect(yield* states).toEqual(["frozen"])
          yield* resumeHeadless(slug, { prompt: "more" })
          expect(yield* states).toEqual(["exited"])
        }),
    )
  })
})
