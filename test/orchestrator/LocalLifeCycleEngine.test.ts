import { Effect, Layer } from "effect"
import { join } from "node:path"
import * as SqliteHomeLease from "../../src/layers/sqlite/SqliteHomeLease.ts"
import { lifeCycleEngineContract } from "../contracts/LifeCycleEngine.ts"
import { stores } from "../support/lifeStores.ts"
import { tempDir } from "../support/tempDir.ts"
import { memoryStores } from "./world.ts"

lifeCycleEngineContract("LifeCycleEngine, local, with stores in memory", () => Effect.succeed(memoryStores))

lifeCycleEngineContract(
  "LifeCycleEngine, local, with stores in SQLite",
  () =>
    Effect.map(tempDir, (directory) => {
      const filename = join(directory, "orchestrator.db")
      return Layer.merge(stores({ filename }), SqliteHomeLease.layer({ filename }))
    }),
  6,
)
