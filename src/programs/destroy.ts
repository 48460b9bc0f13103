/** destroy: removes everything of a bottle, its row last. */
import { Effect, Option } from "effect"
import { BottleMetadata } from "../domain/Bottle.ts"
import type { Slug } from "../domain/Slug.ts"
import type { Backend, BackendBottle } from "../services/Backends.ts"
import { Backends } from "../services/Backends.ts"
import { BottleStore } from "../services/BottleStore.ts"
import { OperationLogs } from "../services/OperationLogs.ts"
import { ProvenanceStore } from "../services/ProvenanceStore.ts"
import { RunDirectories } from "../services/RunDirectories.ts"
import { attest } from "./attest.ts"
import { bottleBackend, hasArtifact, requireOwnEngine } from "./bottleBackend.ts"
import { nowIso } from "./clock.ts"
import { stopSidecar } from "./discard.ts"
import { changeForgeRows } from "./forgeRows.ts"
import type { BackendOption } from "./freeze.ts"
import { parseSlug } from "./parseSlug.ts"
import { DEFAULT_BACKEND } from "./resolveRun.ts"

/**
 * Removes everything of a bottle, whatever its state, and returns whether it had a row. Succeeds when nothing is known of the slug,
 * even without an engine. Fails when something is known and cannot be removed. A bottle that another engine has is removed only when
 * its own backend is named: that engine is then considered gone for good.
 */
export const destroy = Effect.fn("destroy")(function* (name: string, options: BackendOption = {}) {
  const slug = yield* parseSlug(name)
  const store = yield* BottleStore
  const bottle = yield* store.get(slug)
  if (Option.isNone(bottle)) {
    yield* (yield* Backends).get(options.backend ?? DEFAULT_BACKEND).pipe(
      Effect.flatMap((found) => removeAll(found, slug)),
      Effect.catchTag("BackendUnavailable", () => Effect.void),
    )
    yield* changeForgeRows(slug, { status: "destroyed" })
    return false
  }
  const backend = yield* bottleBackend(bottle.value, options.backend)
  if (options.backend === undefined) yield* requireOwnEngine(backend, bottle.value)
  yield* store.withOperation(slug, "destroy", destroyBottle(backend, slug))
  return true
})

/**
 * The same for a caller that holds the lease. The row is marked before anything is removed, until the destroy has finished or has
 * failed with nothing removed. A backend that does not respond leaves the bottle as it was.
 */
export const destroyBottle = Effect.fn("destroyBottle")(function* (backend: Backend, slug: Slug) {
  const store = yield* BottleStore
  const before = yield* backend.inspect(slug)
  const mark = (destroyingAt: Option.Option<string>) =>
    store.modify(slug, (row) => new BottleMetadata({ ...row, destroyingAt }))
  const marked = yield* mark(Option.some(yield* nowIso))
  yield* removeAll(backend, slug).pipe(
    Effect.tapError(() =>
      Effect.ignore(Effect.whenEffect(mark(Option.none()), isWhole(backend, slug, before, marked))),
    ),
  )
  yield* changeForgeRows(slug, { status: "destroyed" })
  yield* store.remove(slug)
})

/** Whether everything of a bottle is still there. */
const isWhole = Effect.fn("isWhole")(function* (
  backend: Backend,
  slug: Slug,
  before: Option.Option<BackendBottle>,
  row: Option.Option<BottleMetadata>,
) {
  const box = yield* backend.inspect(slug)
  const artifact = Option.flatMap(row, (bottle) => bottle.artifact)
  return (
    (Option.isSome(box) || Option.isNone(before)) &&
    (Option.isNone(artifact) || (yield* hasArtifact(backend, { slug, artifact })))
  )
})

/** Removes everything of a slug except its rows, and the log that statements about its runs vouch for. */
export const removeAll = Effect.fn("removeAll")(function* (backend: Backend, slug: Slug) {
  yield* stopSidecar(slug)
  yield* attest(slug)
  yield* backend.destroy(slug)
  // After the engine has agreed: a bottle that is not destroyed goes on with its log.
  if ((yield* (yield* ProvenanceStore).of(slug)).length > 0) yield* (yield* OperationLogs).keep(slug)
  yield* (yield* RunDirectories).forget(slug)
})
