/** Many processes at one database: nothing is lost, nothing is "locked", and a dead one stands in nobody's way. */
import { expect, it } from "@effect/vitest"
import { Array as Arr, Effect, Layer, Option, Schedule } from "effect"
import { join } from "node:path"
import { ForgeState } from "../../../src/domain/ForgeState.ts"
import * as SqliteBottleStore from "../../../src/layers/sqlite/SqliteBottleStore.ts"
import * as SqliteForgeStateStore from "../../../src/layers/sqlite/SqliteForgeStateStore.ts"
import { BottleStore } from "../../../src/services/BottleStore.ts"
import { ForgeStateStore } from "../../../src/services/ForgeStateStore.ts"
import { bottle } from "../../contracts/BottleStore.ts"
import { worker } from "../../support/storeWorkers.ts"
import { tempDir } from "../../support/tempDir.ts"
import type { Command } from "../../support/storeWorker.ts"
import { Slug } from "../../../src/domain/Slug.ts"

const PROCESSES = 10

const stores = (filename: string) =>
  Layer.merge(SqliteForgeStateStore.layer({ filename }), SqliteBottleStore.layer({ filename }))

const one = bottle("one-abcde", { run: 0 })

it.scopedLive("ten processes that open a new file at once and all write lose nothing and never fail", () =>
  Effect.gen(function* () {
    const filename = join(yield* tempDir, "new", "home", "bot-bottle.db")
    const workers = yield* Effect.replicateEffect(worker, PROCESSES)
    const allAtOnce = (command: (n: number) => Command) =>
      Effect.forEach(workers, (each, n) => each.tell(command(n)), { concurrency: "unbounded" })
    const fine = Arr.replicate("", PROCESSES)

    expect(yield* allAtOnce(() => ({ do: "open", filename }))).toEqual(fine)
    expect(yield* allAtOnce(() => ({ do: "count", times: 100 }))).toEqual(fine)
    expect(yield* allAtOnce((n) => ({ do: "upsert", times: 50, owner: `owner${n}` }))).toEqual(fine)
    expect(yield* allAtOnce(() => ({ do: "mint", times: 10 }))).toEqual(fine)

    const read = yield* Layer.build(stores(filename))
    yield* Effect.gen(function* () {
      const rows = yield* (yield* ForgeStateStore).all
      expect(rows.length).toBe(1 + PROCESSES * 50)
      expect(Option.map(Arr.head(rows), (row) => row.prNumber)).toEqual(
        Option.some(Option.some(PROCESSES * 100)),
      )

      const bottles = yield* BottleStore
      const labels = (yield* bottles.all).map((each) => each.spec.label)
      expect(new Set(labels)).toEqual(new Set(["fix", ...Arr.range(2, 100).map((n) => `fix-${n}`)]))
      expect(labels.length).toBe(100)

      yield* bottles.put(one)
      expect(yield* allAtOnce(() => ({ do: "lease", times: 10, slug: one.slug }))).toEqual(fine)
      expect(Option.map(yield* bottles.get(one.slug), (each) => each.run)).toEqual(Option.some(100))
      expect(yield* bottles.leases(one.slug)).toEqual({})
    }).pipe(Effect.provide(read))
    expect(yield* allAtOnce(() => ({ do: "close" }))).toEqual(fine)
  }),
)

it.scopedLive("a new file is opened by many at once, again and again", () =>
  Effect.gen(function* () {
    const dir = yield* tempDir
    const workers = yield* Effect.replicateEffect(worker, PROCESSES)
    for (const round of Arr.range(1, 8)) {
      const filename = join(dir, String(round), "bot-bottle.db")
      const answers = yield* Effect.forEach(
        workers,
        (each) =>
          Effect.all([
            each.tell({ do: "open", filename }),
            each.tell({ do: "count", times: 1 }),
            each.tell({ do: "close" }),
          ]),
        { concurrency: "unbounded" },
      )
      expect(answers).toEqual(Arr.replicate(["", "", ""], PROCESSES))
      const row = yield* Effect.provide(
        Effect.flatMap(ForgeStateStore, (store) => store.all),
        stores(filename),
      )
      expect(row.map((each) => each.prNumber)).toEqual([Option.some(PROCESSES)])
    }
  }),
)

it.scopedLive("the leases of a killed process are taken over, and those of a live one are not", () =>
  Effect.gen(function* () {
    const filename = join(yield* tempDir, "bot-bottle.db")
    const held = yield* worker
    const context = yield* Layer.build(stores(filename))
    yield* Effect.gen(function* () {
      const store = yield* BottleStore
      yield* store.put(one)
      expect(yield* held.tell({ do: "open", filename })).toBe("")
      expect(yield* held.tell({ do: "hold", slug: one.slug })).toBe("")

      expect(yield* store.leases(one.slug)).toEqual({
        operation: { name: "freeze", pid: held.pid },
        watcher: held.pid,
      })
      const busy = { _tag: "BottleBusy", slug: one.slug, pid: held.pid }
      expect(yield* Effect.flip(store.withOperation(one.slug, "stop", Effect.void))).toMatchObject({
        ...busy,
        operation: "freeze",
      })
      expect(yield* Effect.flip(store.watch(one.slug, Effect.void))).toMatchObject({
        ...busy,
        operation: "watch",
      })

      yield* held.kill
      expect(yield* store.leases(one.slug)).toEqual({})
      expect(yield* store.withOperation(one.slug, "destroy", store.leases(one.slug))).toEqual({
        operation: { name: "destroy", pid: process.pid },
      })
      expect(yield* store.watch(one.slug, Effect.succeed("watched"))).toBe("watched")
    }).pipe(Effect.provide(context))
  }),
)

it.scopedLive("what a process stored is there after it was killed in the middle of its writes", () =>
  Effect.gen(function* () {
    const filename = join(yield* tempDir, "bot-bottle.db")
    const victim = yield* worker
    expect(yield* victim.tell({ do: "open", filename })).toBe("")
    expect(yield* victim.tell({ do: "upsert", times: 20, owner: "before" })).toBe("")
    yield* Effect.fork(victim.tell({ do: "upsert", times: 100_000, owner: "during" }))
    yield* Effect.gen(function* () {
      const store = yield* ForgeStateStore
      const during = new ForgeState({
        forge: "https://git.example/api/v1",
        owner: "during",
        repo: "engine",
        issueNumber: 1,
        slug: Slug.make("fix-abcde"),
        agentName: "fixer",
      })
      yield* Effect.repeat(store.get(during), { until: Option.isSome, schedule: Schedule.spaced("1 millis") })
      yield* victim.kill
      const rows = yield* store.all
      expect(rows.filter((row) => row.owner === "before").length).toBe(20)
      const written = rows.filter((row) => row.owner === "during").map((row) => row.issueNumber)
      expect(written).toEqual(Arr.makeBy(written.length, (n) => n + 1))
    }).pipe(Effect.provide(stores(filename)))
  }),
)

it.scopedLive("two connections of one process wait for each other without standing still", () =>
  Effect.gen(function* () {
    const filename = join(yield* tempDir, "bot-bottle.db")
    const store = Effect.flatMap(
      Layer.build(Layer.fresh(SqliteForgeStateStore.layer({ filename }))),
      (context) => Effect.provide(ForgeStateStore, context),
    )
    const [first, second] = [yield* store, yield* store]
    const row = new ForgeState({
      forge: "https://git.example/api/v1",
      owner: "a",
      repo: "b",
      issueNumber: 1,
      slug: Slug.make("fix-abcde"),
      agentName: "fixer",
    })
    const addOne = (each: typeof first) =>
      each.modify(row, (current) => {
        const count =
          Option.getOrElse(
            Option.flatMap(current, (state) => state.prNumber),
            () => 0,
          ) + 1
        return [count, Option.some(new ForgeState({ ...row, prNumber: Option.some(count) }))]
      })
    yield* Effect.forEach(Arr.range(1, 200), (n) => addOne(n % 2 === 0 ? first : second), {
      concurrency: "unbounded",
    })
    expect(yield* addOne(first)).toBe(201)
  }),
)
