/** What every ForgeStateStore does, whatever keeps its rows. */
import { describe, expect, it } from "@effect/vitest"
import { Arbitrary, Array as Arr, Effect, Exit, FastCheck, type Layer, Option, Order, Schema } from "effect"
import { atKey, ForgeState, ForgeStateKey, ForgeStateStatus } from "../../src/domain/ForgeState.ts"
import { instantOf } from "../../src/domain/Instant.ts"
import { ForgeStateStore } from "../../src/services/ForgeStateStore.ts"
import { Slug } from "../../src/domain/Slug.ts"

const state = (fields: Partial<ConstructorParameters<typeof ForgeState>[0]> = {}) =>
  new ForgeState({
    forge: "https://git.example/api/v1",
    owner: "ada",
    repo: "engine",
    issueNumber: 17,
    slug: Slug.make("fix-abcde"),
    agentName: "fixer",
    ...fields,
  })

const anyText = FastCheck.oneof(FastCheck.string(), FastCheck.string({ unit: "grapheme" }))
const anyTime = FastCheck.oneof(
  FastCheck.constantFrom("", "soon", "2026-11-20T10:00:00+02:00", "2026-11-20T08:00:01Z"),
  FastCheck.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }).map((date) =>
    date.toISOString(),
  ),
)
const anyState = Arbitrary.make(ForgeState).chain((state) =>
  FastCheck.record({
    forge: anyText,
    owner: anyText,
    repo: anyText,
    agentName: anyText,
    lastCheckinAt: anyTime,
  }).map((texts) => new ForgeState({ ...state, ...texts })),
)
const fewKeys = FastCheck.record({
  forge: FastCheck.constantFrom("", "http://a/api/v1", "https://a/api/v1"),
  owner: FastCheck.constantFrom("a", "B", "ä", "\u{1f37e}", "\uffee"),
  repo: FastCheck.constantFrom("x", "X", "x y"),
  issueNumber: FastCheck.constantFrom(1, 2, 10),
})

const anyStep = FastCheck.record({
  call: FastCheck.constantFrom("upsert", "modify", "delete", "drop", "get"),
  state: FastCheck.tuple(fewKeys, anyState).map(([key, state]) => atKey(key, state)),
})

const nameOf = (key: ForgeStateKey) => JSON.stringify([key.forge, key.owner, key.repo, key.issueNumber])
const bytes = Order.make<string>((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
const byKey = Order.combineAll<ForgeState>([
  Order.mapInput(bytes, (row: ForgeState) => row.forge),
  Order.mapInput(bytes, (row: ForgeState) => row.owner),
  Order.mapInput(bytes, (row: ForgeState) => row.repo),
  Order.mapInput(Order.number, (row: ForgeState) => row.issueNumber),
])

/** Runs the suite over a layer that is empty each time it is built. */
export const forgeStateStoreContract = (name: string, fresh: Layer.Layer<ForgeStateStore, unknown>) => {
  const check = <E>(title: string, effect: Effect.Effect<void, E, ForgeStateStore>) =>
    it.effect(title, () => Effect.provide(effect, fresh))

  describe(`ForgeStateStore over ${name}`, () => {
    check(
      "gives back none for an issue it was never told of",
      Effect.gen(function* () {
        const store = yield* ForgeStateStore
        expect(yield* store.get(state())).toEqual(Option.none())
        expect(yield* store.all).toEqual([])
      }),
    )

    check(
      "gives back what was stored, with every default",
      Effect.gen(function* () {
        const store = yield* ForgeStateStore
        yield* store.upsert(state())
        const found = Option.getOrThrow(yield* store.get(state()))
        expect(found).toBeInstanceOf(ForgeState)
        expect(found).toEqual(state())
        expect({ ...found }).toMatchObject({
          bottleNames: [],
          backendName: "",
          agentGitUser: "",
          prNumber: Option.none(),
          status: "running",
          lastCheckinAt: "",
        })
      }),
    )

    check(
      "replaces the whole row of an issue",
      Effect.gen(function* () {
        const store = yield* ForgeStateStore
        yield* store.upsert(state({ bottleNames: ["a", "b"], prNumber: Option.some(18), status: "frozen" }))
        yield* store.upsert(state({ slug: Slug.make("other-abcde") }))
        expect(yield* store.all).toEqual([state({ slug: Slug.make("other-abcde") })])
      }),
    )

    check(
      "keeps one row for each forge that has an issue of that name",
      Effect.gen(function* () {
        const store = yield* ForgeStateStore
        const rows = ["", "http://a/api/v1", "http://b/api/v1"].map((forge) =>
          state({ forge, slug: Slug.make(`at-${forge.length}-${forge.slice(7, 8)}`) }),
        )
        yield* Effect.forEach(rows, store.upsert)
        for (const row of rows) expect(yield* store.get(row)).toEqual(Option.some(row))
        yield* store.modify(state({ forge: "http://a/api/v1" }), (current) => [
          expect(Option.map(current, (row) => row.slug)).toEqual(Option.some("at-15-a")),
          Option.none(),
        ])
        yield* store.delete(state({ forge: "" }))
        expect(yield* store.all).toEqual(rows.slice(2))
      }),
    )

    check(
      "forgets a row, and does not mind being asked twice",
      Effect.gen(function* () {
        const store = yield* ForgeStateStore
        yield* store.upsert(state())
        yield* store.upsert(state({ issueNumber: 18 }))
        yield* store.delete(state())
        yield* store.delete(state())
        expect(yield* store.all).toEqual([state({ issueNumber: 18 })])
      }),
    )

    check(
      "lists by forge, owner, repository and number, numbers as numbers",
      Effect.gen(function* () {
        const store = yield* ForgeStateStore
        const rows = [
          state({ forge: "", owner: "z", repo: "z", issueNumber: 9 }),
          state({ forge: "http://b/api/v1", owner: "z", repo: "z", issueNumber: 9 }),
          state({ owner: "a", repo: "b", issueNumber: 9 }),
          state({ owner: "a", repo: "b", issueNumber: 10 }),
          state({ owner: "a", repo: "c", issueNumber: 1 }),
          state({ owner: "b", repo: "a", issueNumber: Number.MAX_SAFE_INTEGER }),
        ]
        yield* Effect.forEach(rows.toReversed(), store.upsert)
        expect(yield* store.all).toEqual(rows)
      }),
    )

    check(
      "lets a claim see what is there, and answers what the claim decided",
      Effect.gen(function* () {
        const store = yield* ForgeStateStore
        const claim = store.modify(state(), (current) => [
          Option.isNone(current),
          Option.some(Option.getOrElse(current, () => state({ agentName: "first" }))),
        ])
        expect(yield* claim).toBe(true)
        expect(yield* claim).toBe(false)
        expect(yield* store.all).toEqual([state({ agentName: "first" })])
      }),
    )

    check(
      "takes a row away by a change to none",
      Effect.gen(function* () {
        const store = yield* ForgeStateStore
        yield* store.upsert(state())
        expect(yield* store.modify(state(), (current) => [Option.isSome(current), Option.none()])).toBe(true)
        expect(yield* store.all).toEqual([])
      }),
    )

    check(
      "keeps a changed row under the key that was asked for",
      Effect.gen(function* () {
        const store = yield* ForgeStateStore
        yield* store.upsert(state())
        yield* store.modify(state(), () => [
          undefined,
          Option.some(state({ issueNumber: 99, slug: Slug.make("new-abcde") })),
        ])
        expect(yield* store.all).toEqual([state({ slug: Slug.make("new-abcde") })])
      }),
    )

    check(
      "is as it was, and usable, after a change that blew up",
      Effect.gen(function* () {
        const store = yield* ForgeStateStore
        yield* store.upsert(state())
        const exit = yield* Effect.exit(
          store.modify(state(), () => {
            throw new Error("a bug of the caller")
          }),
        )
        expect(Exit.isFailure(exit)).toBe(true)
        expect(yield* store.modify(state(), (current) => [Option.isSome(current), current])).toBe(true)
        expect(yield* store.all).toEqual([state()])
      }),
    )

    check(
      "loses no change of fifty made at once",
      Effect.gen(function* () {
        const store = yield* ForgeStateStore
        const next = (current: Option.Option<ForgeState>) =>
          Option.flatMap(current, (row) => row.prNumber).pipe(
            Option.getOrElse(() => 0),
            (count) => [count + 1, Option.some(state({ prNumber: Option.some(count + 1) }))] as const,
          )
        const answers = yield* Effect.forEach(Arr.range(1, 50), () => store.modify(state(), next), {
          concurrency: "unbounded",
        })
        expect(answers.toSorted((a, b) => a - b)).toEqual(Arr.range(1, 50))
      }),
    )

    check(
      "finds running rows by the instant of their check-in, not by its text",
      Effect.gen(function* () {
        const store = yield* ForgeStateStore
        const rows = [
          state({ issueNumber: 1, lastCheckinAt: "2026-11-20T12:00:00+09:00" }), // 03:00Z
          state({ issueNumber: 2, lastCheckinAt: "2026-11-20T02:00:00-09:00" }), // 11:00Z
          state({ issueNumber: 3, lastCheckinAt: "" }),
          state({ issueNumber: 4, lastCheckinAt: "a while ago" }),
          state({ issueNumber: 5, lastCheckinAt: "", status: "frozen" }),
          state({ issueNumber: 6, lastCheckinAt: "2020-01-01T00:00:00Z", status: "destroyed" }),
          state({ issueNumber: 7, lastCheckinAt: "2026-11-20T10:00:00.000Z" }),
          state({ issueNumber: 8, lastCheckinAt: "2026-11-20T09:59:59.999Z" }),
        ]
        yield* Effect.forEach(rows, store.upsert)
        const stale = yield* store.stale("2026-11-20T10:00:00Z")
        expect(stale.map((row) => row.issueNumber)).toEqual([1, 3, 4, 8])
        expect(stale[0]?.lastCheckinAt).toBe("2026-11-20T12:00:00+09:00")
        const same = yield* store.stale("2026-11-20T15:30:00+05:30")
        expect(same.map((row) => row.issueNumber)).toEqual([1, 3, 4, 8])
      }),
    )

    check(
      "finds what runs, and the issue of a run by the pull request that it opened",
      Effect.gen(function* () {
        const store = yield* ForgeStateStore
        const rows = [
          state({ issueNumber: 1, prNumber: Option.some(30) }),
          state({
            issueNumber: 2,
            prNumber: Option.some(30),
            owner: "Ada",
            repo: "Engine",
            status: "frozen",
          }),
          state({ issueNumber: 3, prNumber: Option.some(31), status: "destroyed" }),
          state({ issueNumber: 4, prNumber: Option.some(30), repo: "other" }),
          state({ issueNumber: 5, prNumber: Option.some(30), forge: "https://elsewhere.example/api/v1" }),
          state({ issueNumber: 30 }),
        ]
        yield* Effect.forEach(rows, store.upsert)
        const numbers = (found: ReadonlyArray<ForgeState>) => found.map((row) => row.issueNumber)
        expect(numbers(yield* store.running)).toEqual([5, 1, 30, 4])
        const { forge, owner, repo } = state()
        const ofPr = (prNumber: number) => Effect.map(store.ofPr({ forge, owner, repo, prNumber }), numbers)
        expect(yield* ofPr(30)).toEqual([2, 1])
        expect(yield* ofPr(31)).toEqual([3])
        expect(yield* ofPr(32)).toEqual([])
      }),
    )

    check(
      "refuses to look for rows older than something that is no time",
      Effect.gen(function* () {
        const store = yield* ForgeStateStore
        const error = yield* Effect.flip(store.stale("yesterday"))
        expect(error).toMatchObject({ _tag: "StateStoreError", operation: "stale" })
        expect(error.message).toContain("yesterday")
      }),
    )

    it.effect.prop(
      "round-trips any state",
      [anyState],
      ([any]) =>
        Effect.gen(function* () {
          const store = yield* ForgeStateStore
          yield* store.upsert(any)
          expect(yield* store.get(any)).toEqual(Option.some(any))
          expect(yield* store.all).toEqual([any])
        }).pipe(Effect.provide(fresh)),
      { fastCheck: { numRuns: 60 } },
    )

    it.effect.prop(
      "behaves as a map does, whatever the order of calls",
      [FastCheck.array(anyStep, { maxLength: 30 })],
      ([steps]) =>
        Effect.gen(function* () {
          const store = yield* ForgeStateStore
          const model = new Map<string, ForgeState>()
          for (const { call, state } of steps) {
            const known = Option.fromNullable(model.get(nameOf(state)))
            if (call === "get") {
              expect(yield* store.get(state)).toEqual(known)
            } else if (call === "upsert") {
              yield* store.upsert(state)
              model.set(nameOf(state), state)
            } else if (call === "modify") {
              expect(yield* store.modify(state, (current) => [current, Option.some(state)])).toEqual(known)
              model.set(nameOf(state), state)
            } else {
              yield* call === "delete"
                ? store.delete(state)
                : store.modify(state, () => [undefined, Option.none()])
              model.delete(nameOf(state))
            }
          }
          const rows = Arr.sort(model.values(), byKey)
          expect(yield* store.all).toEqual(rows)
          const before = "2026-11-20T08:00:01Z"
          expect(yield* store.stale(before)).toEqual(
            rows.filter(
              (row) => row.status === "running" && instantOf(row.lastCheckinAt) < instantOf(before),
            ),
          )
        }).pipe(Effect.provide(fresh)),
      { fastCheck: { numRuns: 40 } },
    )

    check(
      "knows every status",
      Effect.gen(function* () {
        const store = yield* ForgeStateStore
        for (const status of ForgeStateStatus.literals) {
          yield* store.upsert(state({ status }))
          expect(Option.map(yield* store.get(state()), (row) => row.status)).toEqual(Option.some(status))
        }
        expect(Schema.is(ForgeStateKey)(state())).toBe(true)
      }),
    )
  })
}
