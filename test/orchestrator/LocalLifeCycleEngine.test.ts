import { Effect } from "effect"
import { lifeCycleEngineContract } from "../contracts/LifeCycleEngine.ts"
import { sqliteStores } from "../support/lifeStores.ts"
import { memoryStores } from "./world.ts"

lifeCycleEngineContract("LifeCycleEngine, local, with stores in memory", () => Effect.succeed(memoryStores))

lifeCycleEngineContract("LifeCycleEngine, local, with stores in SQLite", () => sqliteStores)
