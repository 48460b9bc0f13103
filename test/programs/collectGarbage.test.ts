import { describe, expect, it } from "@effect/vitest"
import { Clock, Effect, Option, TestClock } from "effect"
import { BottleMetadata } from "../../src/domain/Bottle.ts"
import type { Slug } from "../../src/domain/Slug.ts"
import { collectGarbage } from "../../src/programs/collectGarbage.ts"
import type { GarbageEvent } from "../../src/programs/collectGarbage.ts"
import { freeze } from "../../src/programs/freeze.ts"
import { launch } from "../../src/programs/launch.ts"
import { listBottles } from "../../src/programs/listBottles.ts"
import { resumeHeadless } from "../../src/programs/resumeHeadless.ts"
import { startHeadless } from "../../src/programs/startHeadless.ts"
import type { Backend } from "../../src/services/Backends.ts"
import { Backends } from "../../src/services/Backends.ts"
import { BottleStore } from "../../src/services/BottleStore.ts"
import { endless, inWorld } from "./world.ts"

const start = startHeadless("worker", { prompt: "work" })
const later = TestClock.adjust("11 minutes")
const collect = (options: { readonly dryRun?: boolean } = {}) =>
  Effect.gen(function* () {
    const events: Array<GarbageEvent> = []
    yield* collectGarbage({ ...options, observe: (event) => Effect.sync(() => void events.push(event)) })
    return events.map(({ kind, slug, outcome }) => [kind, slug, outcome])
  })
const change = (slug: Slug, fields: Partial<BottleMetadata>) =>
  Effect.flatMap(BottleStore, (store) =>
    store.modify(slug, (row) => new BottleMetadata({ ...row, ...fields })),
  )
/** What a launch leaves that was killed before its agent ran. */
const half = Effect.gen(function* () {
  const slug = yield* launch("worker", { prompt: "work" })
  return yield* Effect.as(change(slug, { startedAt: Option.none() }), slug)
})

describe("gc", () => {
  it.effect("removes a box without a row, its sidecar with it", () =>
    inWorld(endless, ({ fake, sidecar }) =>
      Effect.gen(function* () {
        const slug = yield* launch("worker", { prompt: "work" })
        yield* (yield* BottleStore).remove(slug)
        yield* later
        expect(yield* collect()).toEqual([["box", slug, "removed"]])
        expect(yield* fake.backend.list).toEqual([])
        expect(yield* sidecar.sidecar.list).toEqual([])
        expect(yield* collect()).toEqual([])
      }),
    ),
  )

  it.effect("removes a store of objects that no bottle has used for a day", () =>
    inWorld({}, ({ sidecar }) =>
      Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        sidecar.stores.set("old", now - 25 * 3_600_000).set("young", now - 23 * 3_600_000)
        expect(yield* collect({ dryRun: true })).toEqual([["store", "", "found"]])
        expect(yield* collect()).toEqual([["store", "", "removed"]])
        expect([...sidecar.stores.keys()]).toEqual(["young"])
      }),
    ),
  )

  it.effect("removes an artifact without a row", () =>
    inWorld({}, ({ fake }) =>
      Effect.gen(function* () {
        const slug = yield* start
        yield* freeze(slug)
        yield* (yield* BottleStore).remove(slug)
        yield* later
        expect(yield* collect()).toEqual([["artifact", slug, "removed"]])
        expect(yield* fake.artifacts).toEqual([])
      }),
    ),
  )

  it.effect("removes the row of a launch that died before it made anything", () =>
    inWorld(endless, ({ fake, sidecar }) =>
      Effect.gen(function* () {
        const slug = yield* half
        yield* fake.backend.destroy(slug)
        yield* later
        expect(yield* collect()).toEqual([["row", slug, "removed"]])
        expect(yield* listBottles()).toEqual([])
        expect(yield* sidecar.sidecar.list).toEqual([])
      }),
    ),
  )

  it.effect("removes a box that was created and never started, with its row", () =>
    inWorld(
      { fail: (step) => (step === "start" || step === "destroy" ? Option.some("killed") : Option.none()) },
      ({ fake }) =>
        Effect.gen(function* () {
          yield* Effect.flip(launch("worker", { prompt: "work" }))
          yield* later
          const [bottle] = yield* listBottles()
          expect(bottle).toMatchObject({ state: "created" })
          const failed = yield* Effect.flip(collectGarbage())
          expect(failed).toMatchObject({ _tag: "BackendFailure", operation: "destroy" })
          expect(yield* fake.backend.list).toHaveLength(1)
        }),
    ),
  )

  it.effect("removes images that were built and are not needed, once they are old enough", () =>
    inWorld({}, ({ fake }) =>
      Effect.gen(function* () {
        const images = new Map([
          ["old", 0],
          ["new", 600_000],
        ])
        const backend: Backend = {
          ...fake.backend,
          builds: {
            unneeded: Effect.sync(() =>
              [...images].map(([reference, createdAt]) => ({ reference, reason: "superseded", createdAt })),
            ),
            remove: (reference) => Effect.sync(() => void images.delete(reference)),
          },
        }
        const backends = { ...(yield* Backends), get: () => Effect.succeed(backend) }
        yield* later
        expect(yield* Effect.provideService(collect({ dryRun: true }), Backends, backends)).toEqual([
          ["image", "", "found"],
        ])
        expect(images.size).toBe(2)
        expect(yield* Effect.provideService(collect(), Backends, backends)).toEqual([
          ["image", "", "removed"],
        ])
        expect([...images.keys()]).toEqual(["new"])
      }),
    ),
  )

  it.effect("removes artifacts that a later freeze superseded, and keeps the newest", () =>
    inWorld({}, ({ fake }) =>
      Effect.gen(function* () {
        const slug = yield* start
        yield* freeze(slug)
        yield* resumeHeadless(slug, { prompt: "again" })
        const [old] = yield* fake.artifacts
        const newest = yield* fake.backend.freeze(slug, 2)
        yield* change(slug, { artifact: Option.some(newest) })
        yield* later
        expect(yield* collect()).toEqual([])
        yield* fake.backend.remove(slug)
        expect(yield* fake.artifacts).toEqual([old, newest])
        expect(yield* collect()).toEqual([["artifact", slug, "removed"]])
        expect(yield* fake.artifacts).toEqual([newest])
      }),
    ),
  )

  it.effect("stops the sidecar of a bottle whose agent has ended, and keeps the bottle", () =>
    inWorld({}, ({ sidecar }) =>
      Effect.gen(function* () {
        const slug = yield* launch("worker", { prompt: "work" })
        yield* later
        expect(yield* sidecar.sidecar.list).toHaveLength(1)
        expect(yield* collect()).toEqual([["sidecar", slug, "removed"]])
        expect(yield* sidecar.sidecar.list).toEqual([])
        expect(yield* listBottles()).toHaveLength(1)
      }),
    ),
  )

  it.effect("stops a sidecar of which nothing else is known", () =>
    inWorld(endless, ({ fake, sidecar }) =>
      Effect.gen(function* () {
        const slug = yield* launch("worker", { prompt: "work" })
        yield* (yield* BottleStore).remove(slug)
        yield* fake.backend.destroy(slug)
        yield* later
        expect(yield* collect()).toEqual([["sidecar", slug, "removed"]])
        expect(yield* sidecar.sidecar.list).toEqual([])
      }),
    ),
  )

  it.effect("on a dry run tells the same and removes nothing", () =>
    inWorld(endless, ({ fake }) =>
      Effect.gen(function* () {
        const slug = yield* launch("worker", { prompt: "work" })
        yield* (yield* BottleStore).remove(slug)
        yield* later
        expect(yield* collect({ dryRun: true })).toEqual([["box", slug, "found"]])
        expect(yield* fake.backend.list).toHaveLength(1)
        expect(yield* collect()).toEqual([["box", slug, "removed"]])
      }),
    ),
  )

  it.effect("leaves what is younger than ten minutes", () =>
    inWorld(endless, ({ fake }) =>
      Effect.gen(function* () {
        const slug = yield* half
        yield* fake.backend.destroy(slug)
        const other = yield* launch("worker", { prompt: "work" })
        yield* (yield* BottleStore).remove(other)
        yield* TestClock.adjust("9 minutes")
        expect(yield* collect()).toEqual([])
        yield* TestClock.adjust("2 minutes")
        expect((yield* collect()).map(([kind]) => kind).toSorted()).toEqual(["box", "row"])
      }),
    ),
  )

  it.effect("leaves what is leased", () =>
    inWorld(endless, ({ fake }) =>
      Effect.gen(function* () {
        const store = yield* BottleStore
        const slug = yield* half
        yield* fake.backend.destroy(slug)
        yield* later
        expect(yield* store.withOperation(slug, "launch", collect())).toEqual([])
        expect(yield* store.watch(slug, collect())).toEqual([])
        expect(yield* collect()).toHaveLength(1)
      }),
    ),
  )

  it.effect("leaves bottles that run, have exited or are frozen", () =>
    inWorld(
      { agent: (plan) => (plan.prompt === "stay" ? Effect.never : Effect.succeed(0)) },
      ({ fake, sidecar }) =>
        Effect.gen(function* () {
          yield* launch("worker", { prompt: "stay" })
          yield* start
          yield* freeze(yield* start)
          yield* later
          expect(yield* collect()).toEqual([])
          expect((yield* listBottles()).map(({ state }) => state)).toEqual(["running", "exited", "frozen"])
          expect(yield* fake.artifacts).toHaveLength(1)
          expect(yield* sidecar.sidecar.list).toHaveLength(1)
        }),
    ),
  )

  it.effect("removes the row of a bottle that has run and of which its own engine has nothing any more", () =>
    inWorld({}, ({ fake }) =>
      Effect.gen(function* () {
        const slug = yield* start
        yield* fake.backend.destroy(slug)
        yield* TestClock.adjust("9 minutes")
        expect(yield* collect()).toEqual([])
        yield* TestClock.adjust("2 minutes")
        expect(yield* collect()).toEqual([["row", slug, "removed"]])
        expect(yield* listBottles()).toEqual([])
      }),
    ),
  )

  it.effect(
    "leaves rows that name another engine, and rows that ran and name none, whatever the one that answers lacks",
    () => {
      const engines = ["first"]
      return inWorld({ engine: () => engines[0] ?? "" }, ({ fake, sidecar }) =>
        Effect.gen(function* () {
          const [ran, half_, frozen, halfGone] = [yield* start, yield* half, yield* start, yield* start]
          yield* freeze(frozen)
          yield* change(halfGone, { destroyingAt: Option.some(new Date(0).toISOString()) })
          for (const slug of [ran, half_, frozen, halfGone]) yield* fake.backend.destroy(slug)
          yield* later
          engines.unshift("second")
          expect(yield* collect()).toEqual([])
          expect(yield* sidecar.sidecar.list).toHaveLength(1)
          const names = yield* Effect.map((yield* BottleStore).all, (rows) =>
            rows.map(({ engine }) => engine),
          )
          expect(names).toEqual(names.map(() => Option.some("first")))
          for (const slug of [ran, half_, frozen, halfGone]) yield* change(slug, { engine: Option.none() })
          expect(yield* collect()).toEqual([["row", half_, "removed"]])
          for (const slug of [ran, frozen, halfGone]) yield* change(slug, { engine: Option.some("second") })
          expect((yield* collect()).toSorted()).toEqual(
            [ran, halfGone].map((slug) => ["row", slug, "removed"]).toSorted(),
          )
          expect(yield* listBottles()).toMatchObject([{ slug: frozen, state: "lost" }])
        }),
      )
    },
  )

  it.effect("keeps an older artifact of a bottle whose newest is gone", () =>
    inWorld({}, ({ fake }) =>
      Effect.gen(function* () {
        const slug = yield* start
        yield* freeze(slug)
        yield* change(slug, { artifact: Option.some("gone") })
        yield* later
        expect(yield* collect()).toEqual([])
        expect(yield* fake.artifacts).toHaveLength(1)
      }),
    ),
  )

  it.effect("removes a run directory without a row once it is old, and none that a bottle has", () =>
    inWorld({}, ({ sidecar }) =>
      Effect.gen(function* () {
        const slug = yield* start
        const since = yield* Clock.currentTimeMillis
        sidecar.runs.set("aaaaa", { name: "aaaaa", slug: "", since })
        sidecar.runs.set("bbbbb", { name: "bbbbb", slug, since })
        yield* TestClock.adjust("9 minutes")
        expect((yield* collect()).filter(([kind]) => kind === "run")).toEqual([])
        yield* TestClock.adjust("2 minutes")
        expect((yield* collect()).filter(([kind]) => kind === "run")).toEqual([["run", "", "removed"]])
        expect([...sidecar.runs.keys()]).toEqual(["bbbbb"])
      }),
    ),
  )

  it.effect("goes on after a failure, tells it, and fails with it", () =>
    inWorld(
      {
        ...endless,
        fail: (step, slug) =>
          step === "destroy" && slug.startsWith("stuck") ? Option.some("in use") : Option.none(),
      },
      ({ fake }) =>
        Effect.gen(function* () {
          const store = yield* BottleStore
          const stuck = yield* launch("worker", { prompt: "work", label: "stuck" })
          const other = yield* launch("worker", { prompt: "work", label: "other" })
          yield* store.remove(stuck)
          yield* store.remove(other)
          yield* later
          const events: Array<GarbageEvent> = []
          const observe = (event: GarbageEvent) => Effect.sync(() => void events.push(event))
          expect(yield* Effect.flip(collectGarbage({ observe }))).toMatchObject({
            operation: "destroy",
            target: stuck,
          })
          expect(events.map(({ slug, outcome }) => [slug, outcome]).toSorted()).toEqual([
            [other, "removed"],
            [stuck, "failed"],
          ])
          expect(yield* fake.backend.list).toHaveLength(1)
        }),
    ),
  )
})
