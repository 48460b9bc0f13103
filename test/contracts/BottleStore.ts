/** What every BottleStore does, whatever keeps its rows. */
import { describe, expect, it } from "@effect/vitest"
import {
  Arbitrary,
  Array as Arr,
  Deferred,
  Effect,
  Exit,
  FastCheck,
  Fiber,
  type Layer,
  Option,
  Schema,
} from "effect"
import { BottleMetadata, BottleSpec } from "../../src/domain/Bottle.ts"
import { freeLabel, mintSlug, Slug } from "../../src/domain/Slug.ts"
import { BottleStore } from "../../src/services/BottleStore.ts"

/** A bottle with that slug, as a launch makes it. */
export const bottle = (
  slug: string,
  fields: Partial<ConstructorParameters<typeof BottleMetadata>[0]> & { readonly label?: string } = {},
) =>
  new BottleMetadata({
    slug: Slug.make(slug),
    spec: new BottleSpec({
      agent: "fixer",
      bottles: ["dev"],
      label: fields.label ?? "fix",
      backend: "docker",
      cwd: "/somewhere",
      copyCwd: false,
      headless: true,
      forgeTargeted: false,
    }),
    createdAt: "2026-11-20T10:00:00.000Z",
    version: "0.1.0",
    ...fields,
  })

const one = bottle("one-abcde")
const two = bottle("two-abcde")

const Text = Schema.parseJson(BottleMetadata)

/** As JSON has it: without NaN and -0, and nothing of a bottle is either. */
const anyBottle = FastCheck.tuple(Arbitrary.make(BottleMetadata), FastCheck.nat(), FastCheck.nat(255))
  .map(([any, number, code]) =>
    Schema.decodeOption(Text)(
      Schema.encodeSync(Text)(
        new BottleMetadata({
          ...any,
          run: number,
          lastEvent: number,
          exit: Option.map(any.exit, (exit) => ({ ...exit, code })),
        }),
      ),
    ),
  )
  .filter(Option.isSome)
  .map(({ value }) => value)

/** Runs the suite over a layer that is empty each time it is built. */
export const bottleStoreContract = (name: string, fresh: Layer.Layer<BottleStore, unknown>) => {
  const check = <E>(title: string, effect: Effect.Effect<void, E, BottleStore>) =>
    it.effect(title, () => Effect.provide(effect, fresh))

  describe(`BottleStore over ${name}`, () => {
    check(
      "gives back what was put, and none for what was not",
      Effect.gen(function* () {
        const store = yield* BottleStore
        const full = bottle("one-abcde", {
          user: Option.some("1000:1000"),
          imageDigest: Option.some("sha256:abc"),
          artifact: Option.some("bot-bottle/one:2"),
          run: 3,
          exit: Option.some({ code: 143, signal: "SIGTERM", at: "2026-11-20T10:01:00.000Z" }),
          done: Option.some({
            status: "blocked",
            summary: "no\u0000 way \u{1f37e}",
            at: "2026-11-20T10:00:30.000Z",
          }),
          lastEvent: 4,
          frozenAt: Option.some("2026-11-20T10:02:00.000Z"),
        })
        yield* store.put(full)
        const found = Option.getOrThrow(yield* store.get(full.slug))
        expect(found).toBeInstanceOf(BottleMetadata)
        expect(found).toEqual(full)
        expect(yield* store.get(two.slug)).toEqual(Option.none())
      }),
    )

    it.effect.prop(
      "round-trips any metadata",
      [anyBottle],
      ([any]) =>
        Effect.gen(function* () {
          const store = yield* BottleStore
          yield* store.put(any)
          expect(yield* store.get(any.slug)).toEqual(Option.some(any))
        }).pipe(Effect.provide(fresh)),
      { fastCheck: { numRuns: 40 } },
    )

    check(
      "lists oldest first, and equally old ones as they came",
      Effect.gen(function* () {
        const store = yield* BottleStore
        const late = bottle("late-abcde", { createdAt: "2026-11-20T11:00:00.000Z" })
        const early = bottle("early-abcde", { createdAt: "2026-11-20T09:00:00.000Z" })
        for (const each of [late, two, one, early, two]) yield* store.put(each)
        expect((yield* store.all).map((each) => each.slug)).toEqual([
          "early-abcde",
          "two-abcde",
          "one-abcde",
          "late-abcde",
        ])
      }),
    )

    check(
      "removes a row, and does not mind being asked twice",
      Effect.gen(function* () {
        const store = yield* BottleStore
        yield* store.put(one)
        yield* store.put(two)
        yield* store.remove(one.slug)
        yield* store.remove(one.slug)
        expect(yield* store.all).toEqual([two])
      }),
    )

    check(
      "changes a row, and answers none when there is no row to change",
      Effect.gen(function* () {
        const store = yield* BottleStore
        yield* store.put(one)
        const again = (current: BottleMetadata) => new BottleMetadata({ ...current, run: current.run + 1 })
        expect(yield* store.modify(one.slug, again)).toEqual(Option.some(bottle("one-abcde", { run: 2 })))
        expect(yield* store.modify(two.slug, again)).toEqual(Option.none())
        expect(yield* store.all).toEqual([bottle("one-abcde", { run: 2 })])
      }),
    )

    check(
      "never gives a label twice to starts at once",
      Effect.gen(function* () {
        const store = yield* BottleStore
        yield* Effect.forEach(
          Arr.range(1, 20),
          () =>
            store.mint((all) => {
              const label = freeLabel("fix", new Set(all.map((each) => each.spec.label)))
              return bottle(mintSlug(label, "abcde"), { label })
            }),
          { concurrency: "unbounded" },
        )
        expect((yield* store.all).map((each) => each.spec.label)).toEqual([
          "fix",
          ...Arr.range(2, 20).map((n) => `fix-${n}`),
        ])
      }),
    )

    check(
      "does not mint a slug that is in use",
      Effect.gen(function* () {
        const store = yield* BottleStore
        yield* store.put(bottle("one-abcde", { run: 7 }))
        const error = yield* Effect.flip(store.mint(() => one))
        expect(error).toMatchObject({ _tag: "StateStoreError", operation: "mint" })
        expect(error.message).toContain("one-abcde")
        expect(Option.map(yield* store.get(one.slug), (each) => each.run)).toEqual(Option.some(7))
      }),
    )

    check(
      "is as it was, and usable, after a mint or a change that blew up",
      Effect.gen(function* () {
        const store = yield* BottleStore
        yield* store.put(one)
        const blowUp = () => {
          throw new Error("a bug of the caller")
        }
        expect(Exit.isFailure(yield* Effect.exit(store.mint(blowUp)))).toBe(true)
        expect(Exit.isFailure(yield* Effect.exit(store.modify(one.slug, blowUp)))).toBe(true)
        yield* store.put(two)
        expect(yield* store.all).toEqual([one, two])
      }),
    )

    check(
      "lets one operation at a time at a bottle, also within one process",
      Effect.gen(function* () {
        const store = yield* BottleStore
        yield* store.put(one)
        yield* store.put(two)
        const error = yield* store.withOperation(
          one.slug,
          "freeze",
          Effect.gen(function* () {
            expect(yield* store.leases(one.slug)).toEqual({ operation: { name: "freeze", pid: process.pid } })
            expect(yield* store.withOperation(two.slug, "stop", Effect.succeed("other"))).toBe("other")
            return yield* Effect.flip(store.withOperation(one.slug, "destroy", Effect.void))
          }),
        )
        expect(error).toMatchObject({
          _tag: "BottleBusy",
          slug: one.slug,
          operation: "freeze",
          pid: process.pid,
        })
        expect(error.message).toContain("freeze")
        expect(yield* store.withOperation(one.slug, "destroy", Effect.succeed("free"))).toBe("free")
      }),
    )

    check(
      "lets an operation run while the bottle is watched, but no second watcher",
      Effect.gen(function* () {
        const store = yield* BottleStore
        yield* store.put(one)
        yield* store.watch(
          one.slug,
          Effect.gen(function* () {
            expect(yield* store.withOperation(one.slug, "stop", store.leases(one.slug))).toEqual({
              operation: { name: "stop", pid: process.pid },
              watcher: process.pid,
            })
            expect(yield* Effect.flip(store.watch(one.slug, Effect.void))).toMatchObject({
              _tag: "BottleBusy",
              operation: "watch",
              pid: process.pid,
            })
          }),
        )
        expect(yield* store.leases(one.slug)).toEqual({})
      }),
    )

    check(
      "knows no lease of a bottle that it does not know",
      Effect.gen(function* () {
        const store = yield* BottleStore
        const ran: Array<string> = []
        const touch = Effect.sync(() => ran.push("ran"))
        expect(yield* Effect.flip(store.withOperation(one.slug, "stop", touch))).toMatchObject({
          _tag: "BottleNotFound",
          slug: one.slug,
        })
        expect(yield* Effect.flip(store.watch(one.slug, touch))).toMatchObject({ _tag: "BottleNotFound" })
        expect(yield* store.leases(one.slug)).toEqual({})
        expect(ran).toEqual([])
      }),
    )

    check(
      "frees a lease on success, failure, defect and interruption",
      Effect.gen(function* () {
        const store = yield* BottleStore
        yield* store.put(one)
        const launch = <A, E>(effect: Effect.Effect<A, E>) => store.withOperation(one.slug, "launch", effect)
        expect(yield* launch(Effect.succeed(1))).toBe(1)
        expect(yield* Effect.flip(launch(Effect.fail("no" as const)))).toBe("no")
        expect(Exit.isFailure(yield* Effect.exit(launch(Effect.die("oh"))))).toBe(true)
        const begun = yield* Deferred.make<void>()
        const fiber = yield* Effect.fork(
          launch(Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never)),
        )
        yield* Deferred.await(begun)
        expect(yield* store.leases(one.slug)).toEqual({ operation: { name: "launch", pid: process.pid } })
        yield* Fiber.interrupt(fiber)
        expect(yield* store.leases(one.slug)).toEqual({})
        expect(yield* launch(Effect.succeed(2))).toBe(2)
      }),
    )

    check(
      "keeps the leases when metadata is put or changed meanwhile",
      Effect.gen(function* () {
        const store = yield* BottleStore
        yield* store.put(one)
        yield* store.withOperation(
          one.slug,
          "launch",
          Effect.gen(function* () {
            yield* store.put(bottle("one-abcde", { run: 2 }))
            yield* store.modify(one.slug, (current) => new BottleMetadata({ ...current, lastEvent: 1 }))
            expect(yield* Effect.flip(store.withOperation(one.slug, "stop", Effect.void))).toMatchObject({
              _tag: "BottleBusy",
            })
          }),
        )
        expect(yield* store.all).toEqual([bottle("one-abcde", { run: 2, lastEvent: 1 })])
      }),
    )

    check(
      "does not mind that a row goes away under its lease, nor frees another's",
      Effect.gen(function* () {
        const store = yield* BottleStore
        yield* store.put(one)
        yield* store.withOperation(one.slug, "destroy", store.remove(one.slug))
        expect(yield* store.all).toEqual([])

        yield* store.put(one)
        const taken = yield* Deferred.make<void>()
        const release = yield* Deferred.make<void>()
        const other = yield* store
          .withOperation(
            one.slug,
            "destroy",
            Effect.gen(function* () {
              yield* store.remove(one.slug)
              yield* store.put(one)
              const fiber = yield* Effect.fork(
                store.withOperation(
                  one.slug,
                  "launch",
                  Effect.zipRight(Deferred.succeed(taken, undefined), Deferred.await(release)),
                ),
              )
              yield* Deferred.await(taken)
              return fiber
            }),
          )
          .pipe(Effect.scoped)
        expect(yield* store.leases(one.slug)).toEqual({ operation: { name: "launch", pid: process.pid } })
        yield* Deferred.succeed(release, undefined)
        yield* Fiber.join(other)
      }),
    )

    it.effect.prop(
      "behaves as a map does, whatever the order of calls",
      [
        FastCheck.array(
          FastCheck.record({
            call: FastCheck.constantFrom("put", "modify", "remove"),
            slug: FastCheck.constantFrom("a", "b", "c"),
            run: FastCheck.nat(),
          }),
          { maxLength: 25 },
        ),
      ],
      ([steps]) =>
        Effect.gen(function* () {
          const store = yield* BottleStore
          const model = new Map<string, BottleMetadata>()
          for (const { call, slug, run } of steps) {
            const next = bottle(slug, { run })
            if (call === "put") {
              yield* store.put(next)
              model.set(slug, next)
            } else if (call === "modify") {
              expect(yield* store.modify(next.slug, () => next)).toEqual(
                model.has(slug) ? Option.some(next) : Option.none(),
              )
              if (model.has(slug)) model.set(slug, next)
            } else {
              yield* store.remove(next.slug)
              model.delete(slug)
            }
          }
          expect(yield* store.all).toEqual([...model.values()])
        }).pipe(Effect.provide(fresh)),
      { fastCheck: { numRuns: 40 } },
    )
  })
}
