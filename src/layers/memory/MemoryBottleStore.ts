/** BottleStore in memory: for tests, and for programs that need no persistence. */
import { Effect, Layer, Option } from "effect"
import { BottleMetadata } from "../../domain/Bottle.ts"
import { BottleBusy, BottleNotFound, StateStoreError } from "../../domain/Errors.ts"
import { instantOf } from "../../domain/Instant.ts"
import type { Slug } from "../../domain/Slug.ts"
import { BottleStore } from "../../services/BottleStore.ts"
import type { ProvenanceStore } from "../../services/ProvenanceStore.ts"
import * as MemoryProvenanceStore from "./MemoryProvenanceStore.ts"

/** Compared by identity: the former holder of a removed row does not release the lease of a new one. */
interface Lease {
  readonly name: string
}

interface Row {
  readonly bottle: BottleMetadata
  readonly operation?: Lease | undefined
  readonly watcher?: Lease | undefined
}

/** An empty store, private to this layer, and an empty store of statements about runs. */
export const layer: Layer.Layer<BottleStore | ProvenanceStore> = Layer.suspend(() =>
  Layer.merge(bottles, MemoryProvenanceStore.layer),
)

const bottles: Layer.Layer<BottleStore> = Layer.sync(BottleStore, () => {
  const rows = new Map<string, Row>()
  const all = () =>
    [...rows.values()]
      .map((row) => row.bottle)
      .sort((a, b) => instantOf(a.createdAt) - instantOf(b.createdAt))
  const put = (bottle: BottleMetadata) => void rows.set(bottle.slug, { ...rows.get(bottle.slug), bottle })

  const leased = <A, E, R>(
    kind: "operation" | "watcher",
    slug: Slug,
    name: string,
    effect: Effect.Effect<A, E, R>,
  ) =>
    Effect.acquireUseRelease(
      Effect.gen(function* () {
        const row = rows.get(slug)
        if (row === undefined) return yield* new BottleNotFound({ slug })
        const held = row[kind]
        if (held !== undefined) return yield* new BottleBusy({ slug, operation: held.name, pid: process.pid })
        const lease: Lease = { name }
        rows.set(slug, { ...row, [kind]: lease })
        return lease
      }),
      () => effect,
      (lease) =>
        Effect.sync(() => {
          const row = rows.get(slug)
          if (row?.[kind] === lease) rows.set(slug, { ...row, [kind]: undefined })
        }),
    )

  return BottleStore.of({
    put: (bottle) => Effect.sync(() => put(bottle)),
    mint: (make) =>
      Effect.suspend(() => {
        const bottle = make(all())
        if (rows.has(bottle.slug))
          return new StateStoreError({
            operation: "mint",
            reason: `there is already a bottle "${bottle.slug}"`,
          })
        put(bottle)
        return Effect.succeed(bottle)
      }),
    get: (slug) => Effect.sync(() => Option.map(Option.fromNullable(rows.get(slug)), (row) => row.bottle)),
    modify: (slug, change) =>
      Effect.sync(() =>
        Option.map(Option.fromNullable(rows.get(slug)), (row) => {
          const bottle = new BottleMetadata({ ...change(row.bottle), slug })
          put(bottle)
          return bottle
        }),
      ),
    remove: (slug) => Effect.sync(() => void rows.delete(slug)),
    all: Effect.sync(all),
    withOperation: (slug, operation, effect) => leased("operation", slug, operation, effect),
    watch: (slug, effect) => leased("watcher", slug, "watch", effect),
    leases: (slug) =>
      Effect.sync(() => {
        const row = rows.get(slug)
        return {
          ...(row?.operation !== undefined && { operation: { name: row.operation.name, pid: process.pid } }),
          ...(row?.watcher !== undefined && { watcher: process.pid }),
        }
      }),
  })
})
