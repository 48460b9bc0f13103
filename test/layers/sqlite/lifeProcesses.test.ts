/** Several processes at the orchestrator's tables, and processes that die: one wins, nothing acknowledged is lost, and nothing is half there. */
import { expect, it } from "@effect/vitest"
import Sqlite from "better-sqlite3"
import { Array as Arr, Effect, Option } from "effect"
import { join } from "node:path"
import { RunNumber } from "../../../src/domain/orchestrator/IssueKey.ts"
import { Day } from "../../../src/domain/orchestrator/Usage.ts"
import { Inbox } from "../../../src/services/Inbox.ts"
import { IssueStates } from "../../../src/services/IssueStates.ts"
import { Operations } from "../../../src/services/Operations.ts"
import { Usage } from "../../../src/services/Usage.ts"
import { host, issue } from "../../support/life.ts"
import { stores } from "../../support/lifeStores.ts"
import { type LifeWorker, lifeWorker } from "../../support/lifeWorkers.ts"
import { tempDir } from "../../support/tempDir.ts"

const PROCESSES = 3

const newFile = Effect.map(tempDir, (dir) => join(dir, "bot-bottle.db"))

const at = <A, E>(filename: string, effect: Effect.Effect<A, E, Inbox | IssueStates | Operations | Usage>) =>
  Effect.provide(effect, stores({ filename }))

const sound = (filename: string) => {
  const database = new Sqlite(filename, { readonly: true })
  const verdict = database.pragma("integrity_check", { simple: true })
  database.close()
  return verdict
}

it.scopedLive("of processes that decide over one version exactly one wins, and no decision is lost", () =>
  Effect.gen(function* () {
    const filename = yield* newFile
    const workers = yield* Effect.replicateEffect(lifeWorker, PROCESSES)
    const all = (command: (n: number) => Parameters<LifeWorker["tell"]>[0]) =>
      Effect.forEach(workers, (each, n) => each.tell(command(n)), { concurrency: "unbounded" })
    expect(yield* all(() => ({ do: "open", filename }))).toEqual(Arr.replicate({}, PROCESSES))

    const begun = yield* all(() => ({ do: "begin", over: 0 }))
    expect(begun.map(({ answer }) => answer).toSorted()).toEqual([
      "Committed",
      ...Arr.replicate("Outdated", PROCESSES - 1),
    ])

    const wins = yield* all((n) => ({ do: "win", times: 25, name: `process-${n}` }))
    const versions = wins.flatMap(({ answer }) => answer as ReadonlyArray<number>)
    expect(versions.toSorted((a, b) => a - b)).toEqual(Arr.range(2, 1 + PROCESSES * 25))

    const accepted = yield* all(() => ({ do: "accept", times: 200 }))
    expect(accepted.reduce((sum, { answer }) => sum + Number(answer), 0)).toBe(200)

    yield* at(
      filename,
      Effect.gen(function* () {
        const { state } = Option.getOrThrow(yield* (yield* IssueStates).get(issue()))
        expect(state.version).toBe(1 + PROCESSES * 25)
        const marks = Arr.makeBy(PROCESSES, (n) => Arr.makeBy(25, (time) => `process-${n}-${time}`)).flat()
        expect(state.failedHeads.toSorted()).toEqual(marks.toSorted())
        expect((yield* (yield* Operations).open(host, { limit: 10 })).length).toBe(1)
        expect((yield* (yield* Inbox).open(issue())).length).toBe(200)
      }),
    )
  }),
)

it.scopedLive("a hint that was acknowledged survives SIGKILL in the middle of accepting", () =>
  Effect.gen(function* () {
    const filename = yield* newFile
    const known = new Set<string>()
    for (const count of [1, 300]) {
      const victim = yield* lifeWorker
      yield* victim.tell({ do: "open", filename })
      yield* Effect.fork(victim.tell({ do: "acceptOn" }))
      yield* victim.until(count)
      yield* victim.kill
      for (const name of victim.acknowledged) known.add(name)
      expect(sound(filename)).toBe("ok")
      const stored = new Set<string>(
        (yield* at(
          filename,
          Effect.flatMap(Inbox, (inbox) => inbox.open(issue())),
        )).map(({ id }) => id),
      )
      expect([...known].filter((name) => !stored.has(name))).toEqual([])
    }
  }),
)

it.scopedLive(
  "decisions and ends of operations that were acknowledged survive SIGKILL, and none is half there",
  () =>
    Effect.gen(function* () {
      const filename = yield* newFile
      const day = Day.make("2026-11-20")
      let runsBefore = 0
      for (const count of [1, 40, 41]) {
        const victim = yield* lifeWorker
        yield* victim.tell({ do: "open", filename })
        yield* Effect.fork(victim.tell({ do: "liveOn" }))
        yield* victim.until(count)
        yield* victim.kill
        expect(sound(filename)).toBe("ok")
        yield* at(
          filename,
          Effect.gen(function* () {
            const { state } = Option.getOrThrow(yield* (yield* IssueStates).get(issue()))
            const newest = Option.getOrThrow(yield* (yield* Operations).newest(issue()))
            const total = yield* (yield* Usage).total({})
            const open = (yield* (yield* Inbox).open(issue())).map(({ id }) => id)
            const [lastAcknowledged = "0"] = victim.acknowledged.slice(-1)
            expect(state.version).toBeGreaterThanOrEqual(Number.parseInt(lastAcknowledged, 10))
            expect(newest.step).toBe(state.version)
            const finished = newest.state === "done"
            if (lastAcknowledged === `${state.version} finished`) expect(finished).toBe(true)
            expect(total.runs).toBe(finished ? state.version : state.version - 1)
            // Ends leave a hint each; of those accepted, all are handled but one that was not decided on yet.
            expect(open.filter((id) => id.startsWith("operation:")).length).toBe(total.runs - runsBefore)
            const lives = open.filter((id) => id.startsWith("live-"))
            expect([[], [`live-${state.version + 1}`]]).toContainEqual(lives)
            // As a service does that was started again.
            const usage = { run: RunNumber.make(state.version), day, seconds: 1, tokens: 1, cost: 1 }
            yield* (yield* Operations).finish(newest.id, { at: 1, usage })
            yield* (yield* Inbox).handle(
              (yield* (yield* Inbox).open(issue())).map(({ id }) => id),
              1,
            )
            runsBefore = state.version
          }),
        )
      }
    }),
)
