/** freeze: turns a bottle into an artifact that can be rehydrated. Afterwards nothing of the bottle is running. */
import { Effect, Option } from "effect"
import { BottleMetadata } from "../domain/Bottle.ts"
import { BottleNotFound, FreezeFailed } from "../domain/Errors.ts"
import type { Slug } from "../domain/Slug.ts"
import type { Backend } from "../services/Backends.ts"
import { BottleStore } from "../services/BottleStore.ts"
import { attest } from "./attest.ts"
import { bottleBackend } from "./bottleBackend.ts"
import { bottleState, halfDestroyed, lostArtifact } from "./bottleState.ts"
import { nowIso } from "./clock.ts"
import { stopSidecar } from "./discard.ts"
import { changeForgeRows } from "./forgeRows.ts"
import { parseSlug } from "./parseSlug.ts"
import { settleEvents } from "./settleEvents.ts"
import { stopAgent } from "./stop.ts"

/** Options of `freeze` and `destroy`. */
export interface BackendOption {
  /** Name or alias of the bottle's own backend, which is the default. Any other fails with `InvalidInput`. */
  readonly backend?: string
}

/**
 * Stops the bottle if it is running, makes its artifact, records it, and removes box and sidecar. Succeeds when it is already frozen. A
 * failed freeze leaves the stopped bottle; a second freeze completes it.
 */
export const freeze = Effect.fn("freeze")(function* (name: string, options: BackendOption = {}) {
  const slug = yield* parseSlug(name)
  const store = yield* BottleStore
  const bottle = yield* store.get(slug)
  if (Option.isNone(bottle)) return yield* new BottleNotFound({ slug })
  const backend = yield* bottleBackend(bottle.value, options.backend)
  yield* store.withOperation(slug, "freeze", freezeBottle(backend, slug))
})

/** The same for a caller that holds the lease. Returns the resulting row. */
export const freezeBottle = Effect.fn("freezeBottle")(function* (backend: Backend, slug: Slug) {
  const store = yield* BottleStore
  const bottle = Option.getOrThrow(yield* store.get(slug))
  const state = yield* bottleState(backend, bottle)
  const refuse = (reason: string) => new FreezeFailed({ slug, reason, retry: false })
  if (state === "destroying") return yield* refuse(halfDestroyed(slug))
  if (state === "lost") return yield* refuse(lostArtifact(bottle))
  if (state === "created" && Option.isNone(bottle.artifact)) {
    return yield* refuse(
      `there is nothing to save, because its launch did not finish or its container was removed: "bot-bottle resume ${slug} --headless --prompt ..." starts it again`,
    )
  }
  const ran = state === "running" || state === "exited"
  const frozen = ran ? yield* makeArtifact(backend, bottle) : bottle
  // Also for a bottle that is already frozen: a freeze or resume that was killed may not have removed these.
  yield* stopSidecar(slug)
  yield* attest(slug)
  yield* backend.remove(slug)
  yield* backend.removeArtifacts(slug, frozen.artifact)
  yield* changeForgeRows(slug, { status: "frozen" })
  return frozen
})

const makeArtifact = Effect.fn("makeArtifact")(function* (backend: Backend, bottle: BottleMetadata) {
  const { slug } = bottle
  yield* stopAgent(backend, slug)
  yield* settleEvents(slug)
  const artifact = Option.some(yield* backend.freeze(slug, bottle.run))
  const frozenAt = Option.some(yield* nowIso)
  const frozen = yield* (yield* BottleStore).modify(
    slug,
    (row) => new BottleMetadata({ ...row, artifact, frozenAt }),
  )
  return Option.getOrElse(frozen, () => new BottleMetadata({ ...bottle, artifact, frozenAt }))
})
