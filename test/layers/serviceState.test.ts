/** What a service and other processes have in common is the same in memory and in SQLite. */
import { describe, expect, it } from "@effect/vitest"
import Sqlite from "better-sqlite3"
import { Effect, Layer, Option } from "effect"
import { join } from "node:path"
import type { ServiceHealth } from "../../src/domain/orchestrator/ServiceHealth.ts"
import * as MemoryServiceState from "../../src/layers/memory/MemoryServiceState.ts"
import * as SqliteServiceState from "../../src/layers/sqlite/SqliteServiceState.ts"
import { ServiceState } from "../../src/services/ServiceState.ts"
import { issue } from "../support/life.ts"
import { tempDir } from "../support/tempDir.ts"

const health: ServiceHealth = {
  host: "host-a",
  version: "0.1.0",
  startedAt: 1000,
  forge: "https://git.example/api/v1",
  listening: "127.0.0.1:7320",
  sweep: { failures: 2, problem: "it is away", nextAt: 2000 },
}

const onDisk = Layer.unwrapScoped(
  Effect.map(tempDir, (dir) => SqliteServiceState.layer({ filename: join(dir, "bot-bottle.db") })),
)

for (const [name, layer] of [
  ["memory", MemoryServiceState.layer],
  ["SQLite", onDisk],
] as const)
  describe(`the state of a service in ${name}`, () => {
    it.scoped("is paused since it was paused first, until it goes on", () =>
      Effect.gen(function* () {
        const state = yield* ServiceState
        expect(yield* state.pausedAt).toEqual(Option.none())
        yield* state.resume
        yield* state.pause(1000)
        yield* state.pause(2000)
        yield* state.report(health)
        expect(yield* state.pausedAt).toEqual(Option.some(1000))
        yield* state.resume
        expect(yield* state.pausedAt).toEqual(Option.none())
      }).pipe(Effect.provide(layer)),
    )

    it.scoped("has the last report, and whether its service still serves", () =>
      Effect.gen(function* () {
        const state = yield* ServiceState
        expect(yield* state.health).toEqual(Option.none())
        yield* state.report(health)
        yield* state.report({ ...health, webhookAt: 1500 })
        expect(yield* state.health).toEqual(
          Option.some({ ...health, webhookAt: 1500, pid: process.pid, isServing: true }),
        )
        yield* state.report({ ...health, stoppedAt: 3000 })
        expect(Option.getOrThrow(yield* state.health)).toMatchObject({ isServing: false, stoppedAt: 3000 })
      }).pipe(Effect.provide(layer)),
    )

    it.scoped("gives the looks that were asked for once", () =>
      Effect.gen(function* () {
        const state = yield* ServiceState
        yield* state.ask(issue(17))
        yield* state.ask(issue(18))
        expect((yield* state.asked).toSorted((a, b) => a.issueNumber - b.issueNumber)).toEqual([
          issue(17),
          issue(18),
        ])
        expect(yield* state.asked).toEqual([])
      }).pipe(Effect.provide(layer)),
    )
  })

it.scoped("a service that was killed does not serve, though its last report says nothing of an end", () =>
  Effect.gen(function* () {
    const filename = join(yield* tempDir, "bot-bottle.db")
    const layer = SqliteServiceState.layer({ filename })
    const serving = Effect.flatMap(ServiceState, (state) => state.health)
    yield* Effect.provide(
      Effect.flatMap(ServiceState, (state) => state.report(health)),
      layer,
    )
    expect(Option.getOrThrow(yield* Effect.provide(serving, layer))).toMatchObject({ isServing: true })
    yield* Effect.sync(() => {
      const database = new Sqlite(filename)
      // Another process that had this pid.
      database.exec("UPDATE service SET health = json_set(health, '$.process.startTime', '1')")
      database.close()
    })
    expect(Option.getOrThrow(yield* Effect.provide(serving, layer))).toMatchObject({ isServing: false })
  }),
)
