import { Effect } from "effect"
import { lifeCycleEngineEndings } from "../contracts/LifeCycleEngineEndings.ts"
import { sqliteStores } from "../support/lifeStores.ts"
import { memoryStores } from "./world.ts"

lifeCycleEngineEndings("An engine that ends, with stores in memory", () => Effect.succeed(memoryStores))

lifeCycleEngineEndings("An engine that ends, with stores in SQLite", () => sqliteStores, 9)
