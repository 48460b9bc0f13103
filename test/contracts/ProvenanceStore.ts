/** What every ProvenanceStore does, whatever keeps its rows. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { Slug } from "../../src/domain/Slug.ts"
import { ProvenanceStore } from "../../src/services/ProvenanceStore.ts"

const one = Slug.make("worker-abcde")
const two = Slug.make("worker-fghij")
const issue = { forge: "https://git.example/api/v1", owner: "ada", repo: "cellar", number: 17 }
const envelope = (text: string) =>
  ({
    payloadType: "application/vnd.in-toto+json",
    payload: text,
    signatures: [{ keyid: "k", sig: "s" }],
  }) as const

/** Runs the contract over a layer that makes an empty store. */
export const provenanceStoreContract = <E>(name: string, layer: Layer.Layer<ProvenanceStore, E>): void => {
  describe(`ProvenanceStore over ${name}`, () => {
    it.effect("keeps the first statement of a run, and its first signature", () =>
      Effect.gen(function* () {
        const store = yield* ProvenanceStore
        yield* store.add({ slug: one, run: 2, at: 20, payload: "second" }, [])
        yield* store.add({ slug: one, run: 1, at: 10, payload: "first" }, [])
        yield* store.add({ slug: one, run: 1, at: 30, payload: "again" }, [issue])
        expect(yield* store.of(one)).toEqual([
          { slug: one, run: 1, at: 10, payload: "first", envelope: null },
          { slug: one, run: 2, at: 20, payload: "second", envelope: null },
        ])
        expect((yield* store.unsigned).map(({ run }) => run)).toEqual([1, 2])
        yield* store.sign(one, 1, envelope("a"))
        yield* store.sign(one, 1, envelope("b"))
        expect((yield* store.of(one))[0]?.envelope).toEqual(envelope("a"))
        expect((yield* store.unsigned).map(({ run }) => run)).toEqual([2])
        expect([yield* store.of(two), yield* store.ofIssue(issue)]).toEqual([[], []])
      }).pipe(Effect.provide(layer)),
    )

    it.effect(
      "finds statements by issue, whatever the case of its names, and forgets by age of the newest",
      () =>
        Effect.gen(function* () {
          const store = yield* ProvenanceStore
          yield* store.add({ slug: one, run: 1, at: 10, payload: "x" }, [issue, { ...issue, number: 18 }])
          yield* store.add({ slug: one, run: 2, at: 40, payload: "y" }, [issue])
          yield* store.add({ slug: two, run: 1, at: 20, payload: "z" }, [issue])
          const found = (asked: Parameters<typeof store.ofIssue>[0]) =>
            Effect.map(store.ofIssue(asked), (all) => all.map(({ payload }) => payload))
          expect(yield* found({ owner: "ADA", repo: "Cellar", number: 17 })).toEqual(["x", "z", "y"])
          expect(yield* found({ ...issue, number: 18 })).toEqual(["x"])
          expect(yield* found({ ...issue, forge: "https://other.example/api/v1" })).toEqual([])
          expect(yield* store.olderThan(30)).toEqual([two])
          expect([...(yield* store.olderThan(41))].sort()).toEqual([one, two])
          yield* store.forget(one)
          expect([yield* store.of(one), yield* found(issue)]).toEqual([[], ["z"]])
        }).pipe(Effect.provide(layer)),
    )
  })
}
