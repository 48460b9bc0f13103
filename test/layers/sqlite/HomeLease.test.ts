/** The lease of a home between processes: one live process has it, and a dead one stands in nobody's way. */
import { expect, it } from "@effect/vitest"
import Sqlite from "better-sqlite3"
import { Effect, Exit, Option, Scope } from "effect"
import { join } from "node:path"
import * as SqliteHomeLease from "../../../src/layers/sqlite/SqliteHomeLease.ts"
import { identify } from "../../../src/layers/process/ProcessIdentity.ts"
import { HomeLease } from "../../../src/services/HomeLease.ts"
import { lifeWorker } from "../../support/lifeWorkers.ts"
import { tempDir } from "../../support/tempDir.ts"

const newFile = Effect.map(tempDir, (dir) => join(dir, "bot-bottle.db"))

const hold = Effect.flatMap(HomeLease, (lease) => lease.hold)

/** Writes a lease as another process would have left it. */
const leave = (filename: string, holder: unknown) =>
  Effect.sync(() => {
    const database = new Sqlite(filename)
    database.prepare("INSERT INTO home_lease (one, holder) VALUES (1, ?)").run(JSON.stringify(holder))
    database.close()
  })

it.scopedLive("a second process on one home is refused with the pid of the first, until that is killed", () =>
  Effect.gen(function* () {
    const filename = yield* newFile
    const first = yield* lifeWorker
    expect(yield* first.tell({ do: "open", filename })).toEqual({})
    expect(yield* first.tell({ do: "hold" })).toEqual({})
    const second = yield* lifeWorker
    yield* second.tell({ do: "open", filename })
    expect((yield* second.tell({ do: "hold" })).error).toMatch(/process \d+ serves this home already/)
    yield* first.kill
    expect(yield* second.tell({ do: "hold" })).toEqual({})
  }),
)

it.scopedLive("a lease is given back when its scope ends, and not before", () =>
  Effect.gen(function* () {
    const filename = yield* newFile
    yield* Effect.gen(function* () {
      const scope = yield* Scope.make()
      yield* Scope.extend(hold, scope)
      expect(yield* Effect.flip(hold)).toMatchObject({ _tag: "HomeServed", pid: process.pid })
      yield* Scope.close(scope, Exit.void)
      yield* Effect.scoped(hold)
    }).pipe(Effect.provide(SqliteHomeLease.layer({ filename })))
  }),
)

it.scopedLive(
  "a lease of another process that had this pid is taken over; of this very process it is not",
  () =>
    Effect.gen(function* () {
      const filename = yield* newFile
      const lease = SqliteHomeLease.layer({ filename })
      yield* Effect.provide(Effect.scoped(hold), lease)
      const self = Option.getOrThrow(yield* identify(process.pid))
      yield* leave(filename, { ...self, startTime: "1", token: "before" })
      yield* Effect.provide(Effect.scoped(hold), lease)
      yield* leave(filename, { ...self, token: "now" })
      expect(yield* Effect.flip(Effect.provide(Effect.scoped(hold), lease))).toMatchObject({
        _tag: "HomeServed",
      })
    }),
)

it.scopedLive("a lease that cannot be read is refused, and left", () =>
  Effect.gen(function* () {
    const filename = yield* newFile
    const lease = SqliteHomeLease.layer({ filename })
    yield* Effect.provide(Effect.scoped(hold), lease)
    yield* leave(filename, "somebody")
    expect(yield* Effect.flip(Effect.provide(Effect.scoped(hold), lease))).toMatchObject({
      _tag: "StateStoreError",
      operation: "hold",
    })
  }),
)
