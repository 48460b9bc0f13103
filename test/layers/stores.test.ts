/** Both stores keep their contracts, in memory and in a file on disk. */
import { Effect, Layer } from "effect"
import { join } from "node:path"
import * as MemoryBottleStore from "../../src/layers/memory/MemoryBottleStore.ts"
import * as MemoryForgeStateStore from "../../src/layers/memory/MemoryForgeStateStore.ts"
import * as MemoryProvenanceStore from "../../src/layers/memory/MemoryProvenanceStore.ts"
import * as MemoryVerificationStore from "../../src/layers/memory/MemoryVerificationStore.ts"
import * as SqliteBottleStore from "../../src/layers/sqlite/SqliteBottleStore.ts"
import * as SqliteForgeStateStore from "../../src/layers/sqlite/SqliteForgeStateStore.ts"
import * as SqliteProvenanceStore from "../../src/layers/sqlite/SqliteProvenanceStore.ts"
import * as SqliteVerificationStore from "../../src/layers/sqlite/SqliteVerificationStore.ts"
import { bottleStoreContract } from "../contracts/BottleStore.ts"
import { forgeStateStoreContract } from "../contracts/ForgeStateStore.ts"
import { provenanceStoreContract } from "../contracts/ProvenanceStore.ts"
import { verificationStoreContract } from "../contracts/VerificationStore.ts"
import { tempDir } from "../support/tempDir.ts"

const onDisk = <A, E>(layer: (options: { readonly filename: string }) => Layer.Layer<A, E>) =>
  Layer.unwrapScoped(Effect.map(tempDir, (dir) => layer({ filename: join(dir, "home", "bot-bottle.db") })))

forgeStateStoreContract("memory", MemoryForgeStateStore.layer)
forgeStateStoreContract("SQLite", onDisk(SqliteForgeStateStore.layer))
bottleStoreContract("memory", MemoryBottleStore.layer)
bottleStoreContract("SQLite", onDisk(SqliteBottleStore.layer))
provenanceStoreContract("memory", MemoryProvenanceStore.layer)
provenanceStoreContract("SQLite", onDisk(SqliteProvenanceStore.layer))
verificationStoreContract("memory", MemoryVerificationStore.layer)
verificationStoreContract("SQLite", onDisk(SqliteVerificationStore.layer))
