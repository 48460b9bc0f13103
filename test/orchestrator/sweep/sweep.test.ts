/** The sweep finds all that changed on the forge, once, whatever was down and whatever the clocks say. */
import { describe, expect, it } from "@effect/vitest"
import { Array as Arr, Context, Effect, Fiber, Layer, Option, Redacted, TestClock } from "effect"
import { join } from "node:path"
import { StateStoreError } from "../../../src/domain/Errors.ts"
import type { InboxHint } from "../../../src/domain/orchestrator/InboxHint.ts"
import * as GiteaForges from "../../../src/layers/gitea/GiteaForges.ts"
import * as MemoryLifeStores from "../../../src/layers/memory/MemoryLifeStores.ts"
import * as MemorySweepCursors from "../../../src/layers/memory/MemorySweepCursors.ts"
import * as SqliteInbox from "../../../src/layers/sqlite/SqliteInbox.ts"
import * as SqliteSweepCursors from "../../../src/layers/sqlite/SqliteSweepCursors.ts"
import * as sweeping from "../../../src/orchestrator/sweep/sweep.ts"
import { type SweepOptions, type Swept, sweepOnce } from "../../../src/orchestrator/sweep/sweepOnce.ts"
import { Inbox } from "../../../src/services/Inbox.ts"
import { SweepCursors } from "../../../src/services/SweepCursors.ts"
import * as actions from "../../../src/simulator/actions.ts"
import * as GiteaSimulator from "../../../src/simulator/GiteaSimulator.ts"
import * as FakeForge from "../../../src/testing/FakeForge.ts"
import { tempDir } from "../../support/tempDir.ts"

const FORGE = "http://git.example/api/v1"
const TOKEN = "0123456789abcdef0123456789abcdef01234567"
const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

type Stores = Inbox | SweepCursors

const memory: Layer.Layer<Stores> = Layer.merge(MemoryLifeStores.layer, MemorySweepCursors.layer)
const onDisk = (filename: string) =>
  Layer.merge(SqliteInbox.layer({ filename }), SqliteSweepCursors.layer({ filename }))

/** A forge whose clock is off by `clock.off`, and an inbox. Issues 17 and 18 of the listed repository are labelled; `acme/loft` is not listed. */
const makeWorld = Effect.fnUntraced(function* (stores: Layer.Layer<Stores, unknown> = memory, off = 0) {
  yield* TestClock.setTime(Date.parse("2027-01-01T00:00:00Z"))
  const machine = yield* Effect.clock
  const clock = { off }
  const labels = ["bot-bottle:carpenter"]
  const fake = yield* FakeForge.make({
    owner: "acme",
    repo: "cellar",
    now: () => machine.unsafeCurrentTimeMillis() + clock.off,
    issues: [
      { number: 16, title: "Roof" },
      { number: 17, title: "Door", labels },
      { number: 18, title: "Wall", labels },
      { number: 19, title: "Done", labels, state: "closed" },
    ],
  })
  const loft = fake.state.addRepo({
    owner: "acme",
    name: "loft",
    issues: [{ number: 5, title: "Dust", labels }],
  })
  const context = yield* Layer.build(Layer.merge(FakeForge.forges(fake), Layer.orDie(stores)))
  const inbox = Context.get(context, Inbox)
  const hints: Array<InboxHint> = []
  const options: SweepOptions = {
    access: { kind: "gitea", apiUrl: FORGE, token: Redacted.make(TOKEN) },
    forge: FORGE,
    isListed: ({ repo }) => repo === "cellar",
    listing: "acme/cellar",
    accept: (hint) =>
      Effect.tap(inbox.accept(hint), (answer) =>
        Effect.sync(() => void (answer === "accepted" && hints.push(hint))),
      ),
  }
  return {
    fake,
    clock,
    context,
    options,
    /** Numbers of the issues that hints were accepted for since this was asked last, in order. */
    fresh: Effect.sync(() => hints.splice(0).map(({ issueNumber }) => issueNumber)),
    /** Somebody comments now, by the forge's clock. */
    says: (number: number, repo = fake.repo) =>
      Effect.sync(() => {
        const found = repo.issues.get(number)
        if (found !== undefined) actions.comment(fake.state, found, 1, "Still there.")
      }),
    loft,
    sweep: (changed: Partial<SweepOptions> = {}, before?: Swept) =>
      Effect.provide(sweepOnce({ ...options, ...changed }, before), context),
    passes: (millis: number) => TestClock.adjust(millis),
  }
})

for (const [name, stores] of [
  ["memory", memory],
  ["SQLite", Layer.unwrapScoped(Effect.map(tempDir, (dir) => onDisk(join(dir, "bot-bottle.db"))))],
] as const)
  it.scoped(`up to when a forge was swept is kept in ${name}`, () =>
    Effect.gen(function* () {
      const { get, set } = yield* SweepCursors
      const cursor = { forgeTime: 1, sweptAt: 2, listing: "acme/* \u{1f37e}" }
      expect(yield* get(FORGE)).toEqual(Option.none())
      yield* set(FORGE, cursor)
      yield* set("https://other.example/api/v1", { ...cursor, forgeTime: 9 })
      expect(yield* get(FORGE)).toEqual(Option.some(cursor))
      yield* set(FORGE, { ...cursor, forgeTime: 0, listing: "" })
      expect(yield* get(FORGE)).toEqual(Option.some({ ...cursor, forgeTime: 0, listing: "" }))
    }).pipe(Effect.provide(stores)),
  )

describe("a sweep", () => {
  it.scoped(
    "finds at first what is open and labelled, then what changed, in repositories that are served",
    () =>
      Effect.gen(function* () {
        const world = yield* makeWorld()
        yield* world.passes(HOUR)
        yield* world.sweep()
        expect(yield* world.fresh).toEqual([17, 18])
        yield* world.passes(5 * MINUTE)
        yield* world.says(16)
        yield* world.says(5, world.loft)
        yield* world.passes(SECOND)
        yield* world.says(19)
        yield* world.passes(MINUTE)
        expect(yield* world.sweep()).toMatchObject({ found: 2, accepted: 2 })
        expect(yield* world.fresh).toEqual([16, 19])
      }),
  )

  it.scoped("adds nothing twice, however often windows overlap", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      yield* world.passes(HOUR)
      yield* world.sweep()
      yield* world.says(17)
      yield* world.passes(5 * SECOND)
      yield* world.fresh
      for (const _ of Arr.range(1, 8)) {
        yield* world.sweep()
        yield* world.passes(5 * SECOND)
      }
      expect(yield* world.fresh).toEqual([17])
      yield* world.says(17)
      yield* world.passes(5 * SECOND)
      yield* world.sweep()
      expect(yield* world.fresh).toEqual([17])
    }),
  )

  it.scoped("misses no change of a second that it has seen a part of", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      yield* world.passes(HOUR)
      yield* world.sweep()
      yield* world.fresh
      yield* world.says(17)
      yield* world.sweep()
      expect(yield* world.fresh).toEqual([17])
      // In the same second, so that the forge's time of the change is the same.
      yield* world.passes(900)
      yield* world.says(17)
      yield* world.passes(5 * MINUTE)
      yield* world.sweep()
      expect(yield* world.fresh).toEqual([17])
    }),
  )

  it.scoped("keeps its place when a hint cannot be kept, and then adds what is missing", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      yield* world.passes(HOUR)
      yield* world.sweep()
      yield* world.fresh
      for (const number of [18, 16, 17]) {
        yield* world.says(number)
        yield* world.passes(10 * SECOND)
      }
      // Longer ago than windows overlap.
      yield* world.passes(5 * MINUTE)
      const full = new StateStoreError({ operation: "accept", reason: "disk full", cause: "x" })
      const broken: SweepOptions["accept"] = (hint) =>
        hint.issueNumber === 17 ? Effect.fail(full) : world.options.accept(hint)
      expect((yield* Effect.flip(world.sweep({ accept: broken }))).message).toContain("disk full")
      expect(yield* world.fresh).toEqual([18, 16])
      yield* world.passes(DAY)
      yield* world.sweep()
      expect(yield* world.fresh).toEqual([17])
    }),
  )

  it.scoped("looks at what is open and labelled in a repository that is served from now on", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      yield* world.passes(DAY)
      yield* world.sweep()
      yield* world.passes(DAY)
      yield* world.fresh
      const both = { isListed: () => true, listing: "acme/cellar acme/loft" }
      yield* world.sweep(both)
      expect(yield* world.fresh).toEqual([5])
      yield* world.passes(DAY)
      expect(yield* world.sweep(both)).toMatchObject({ found: 0 })
    }),
  )

  for (const [where, off] of [
    ["ahead of", 3 * HOUR],
    ["behind", -3 * HOUR],
  ] as const)
    it.scoped(`finds each change once with the forge's clock ${where} this machine's`, () =>
      Effect.gen(function* () {
        const world = yield* makeWorld(memory, off)
        yield* world.passes(HOUR)
        let swept: Swept | undefined = yield* world.sweep()
        yield* world.fresh
        for (const restarted of [false, true, false]) {
          yield* world.passes(MINUTE)
          yield* world.says(17)
          yield* world.passes(4 * MINUTE)
          swept = yield* world.sweep({}, restarted ? undefined : swept)
          expect(yield* world.fresh).toEqual([17])
        }
      }),
    )

  for (const restarted of [false, true])
    it.scoped(
      `finds what changed after the forge's clock was set back${restarted ? ", while the service was down" : ""}`,
      () =>
        Effect.gen(function* () {
          const world = yield* makeWorld()
          yield* world.passes(DAY)
          const swept = yield* world.sweep()
          yield* world.fresh
          yield* world.passes(MINUTE)
          world.clock.off = -3 * HOUR
          yield* world.says(18)
          yield* world.passes(6 * HOUR)
          yield* world.says(17)
          yield* world.passes(MINUTE)
          yield* world.sweep({}, restarted ? undefined : swept)
          expect(yield* world.fresh).toEqual([18, 17])
          // From then on windows are by the new time.
          yield* world.passes(5 * MINUTE)
          expect(yield* world.sweep()).toMatchObject({ found: 1, accepted: 0 })
        }),
    )

  it.scoped("catches up in the forge's order when the service was down for weeks", () =>
    Effect.gen(function* () {
      const dir = yield* tempDir
      const stores = onDisk(join(dir, "bot-bottle.db"))
      const world = yield* makeWorld(stores)
      for (const number of Arr.range(100, 399))
        world.fake.state.addIssue(world.fake.repo, { number, title: "x" })
      yield* world.passes(HOUR)
      yield* world.sweep()
      yield* world.fresh
      const changed = Arr.makeBy(300, (n) => 100 + ((n * 7) % 300))
      for (const number of changed) {
        yield* world.passes(3 * HOUR)
        yield* world.says(number)
      }
      yield* world.passes(DAY)
      yield* world.sweep()
      expect(yield* world.fresh).toEqual(changed)
      expect(yield* world.sweep()).toMatchObject({ accepted: 0 })
    }),
  )
})

describe("sweeps", () => {
  it.scoped("are made at start and every five minutes, give or take a tenth", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      yield* world.passes(HOUR)
      const { run, status } = yield* sweeping.make([world.options])
      const fiber = yield* Effect.fork(Effect.provide(run, world.context))
      yield* world.passes(1)
      expect(yield* world.fresh).toEqual([17, 18])
      let before = yield* status
      expect(before).toMatchObject({ failures: 0, swept: [{ found: 2 }] })
      const gaps = new Set<number>()
      for (const _ of Arr.range(1, 20)) {
        yield* world.passes((before.nextAt ?? 0) - (yield* TestClock.currentTimeMillis))
        const now = yield* status
        gaps.add((now.sweptAt ?? 0) - (before.sweptAt ?? 0))
        before = now
      }
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual(4.5 * MINUTE)
      expect(Math.max(...gaps)).toBeLessThanOrEqual(5.5 * MINUTE)
      expect(gaps.size).toBeGreaterThan(10)
      yield* Fiber.interrupt(fiber)
    }),
  )

  it.scoped("back off while the forge is away, and catch up when it is back, however long it was", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      yield* world.passes(HOUR)
      const { run, status } = yield* sweeping.make([world.options])
      const fiber = yield* Effect.fork(Effect.provide(run, world.context))
      yield* world.passes(MINUTE)
      yield* world.fresh
      // More than a day of failures.
      const failures = 400
      for (const _ of Arr.range(1, failures)) world.fake.failNext("changedSince", 502)
      const changed = [18, 16, 17]
      for (const number of changed) {
        yield* world.passes(8 * HOUR)
        yield* world.says(number)
      }
      const during = yield* status
      expect(during).toMatchObject({
        swept: [{ found: 2 }],
        problem: expect.stringContaining("it was told to fail"),
      })
      // 5, 10, 20, ... seconds, then every five minutes.
      expect(during.failures).toBeGreaterThan((24 * HOUR) / (5.5 * MINUTE))
      expect(during.failures).toBeLessThan((24 * HOUR) / (4.5 * MINUTE) + 10)
      expect(yield* world.fresh).toEqual([])
      yield* world.passes(failures * 5.5 * MINUTE)
      expect(yield* world.fresh).toEqual(changed)
      const after = yield* status
      expect(after.failures).toBe(0)
      expect(after.problem).toBeUndefined()
      yield* Fiber.interrupt(fiber)
    }),
  )

  it.scoped("are tried again soon after a first failure", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      yield* world.passes(HOUR)
      world.fake.failNext("changedSince", 502)
      const { run, status } = yield* sweeping.make([world.options])
      const fiber = yield* Effect.fork(Effect.provide(run, world.context))
      yield* world.passes(1)
      expect(yield* status).toMatchObject({ failures: 1 })
      yield* world.passes(6 * SECOND)
      expect(yield* world.fresh).toEqual([17, 18])
      yield* Fiber.interrupt(fiber)
    }),
  )
})

it.scopedLive(
  "a Gitea over HTTP is swept into SQLite by its own clock, and a service that starts again goes on",
  () =>
    Effect.gen(function* () {
      let now = Date.parse("2026-11-28T12:00:00Z")
      const sim = yield* GiteaSimulator.make({
        now: () => now,
        users: [{ login: "bot", token: TOKEN }, { login: "ada" }],
        repos: [
          {
            owner: "ada",
            name: "cellar",
            collaborators: { bot: "write" },
            issues: Arr.makeBy(120, (n) => ({
              number: n + 1,
              title: "x",
              labels: n < 60 ? ["bot-bottle:a"] : [],
            })),
          },
        ],
      })
      const filename = join(yield* tempDir, "bot-bottle.db")
      const sweepFresh = Effect.gen(function* () {
        const inbox = yield* Inbox
        const before = yield* inbox.waiting({ limit: 1000 })
        const swept = yield* sweepOnce({
          access: { kind: "gitea", apiUrl: sim.apiUrl, token: Redacted.make(TOKEN) },
          forge: sim.apiUrl,
          isListed: () => true,
          listing: "ada/*",
          accept: inbox.accept,
        })
        yield* inbox.handle(
          before.map(({ id }) => id),
          0,
        )
        return swept
      }).pipe(Effect.provide(Layer.mergeAll(GiteaForges.layer, onDisk(filename))), Effect.scoped)
      now += HOUR
      expect(yield* sweepFresh).toMatchObject({ found: 60, accepted: 60 })
      now += 10 * DAY
      yield* sim.as("ada").comment({ owner: "ada", repo: "cellar", number: 3 }, "Here.")
      now += 10 * SECOND
      expect(yield* sweepFresh).toMatchObject({ found: 1, accepted: 1 })
      expect(yield* sweepFresh).toMatchObject({ found: 1, accepted: 0 })
      expect(sim.requests.length).toBeLessThan(12)
    }),
)
