/** orchestrateStatus: which bottle handles which issue, and when its agent was last heard of. */
import { Config, Effect, Option } from "effect"
import { forgeStatus } from "../domain/ForgeStatus.ts"
import { BottleStore } from "../services/BottleStore.ts"
import { ForgeStateStore } from "../services/ForgeStateStore.ts"
import { Sidecar } from "../services/Sidecar.ts"
import type { Slug } from "../domain/Slug.ts"

/** The issues that have a live bottle, or all there ever were; ordered by owner, repo, issue. What is told of a destroy that was interrupted needs a `BottleStore`. */
export const orchestrateStatus = Effect.fn("orchestrateStatus")(function* (
  options: { readonly all?: boolean } = {},
) {
  const rows = yield* (yield* ForgeStateStore).all
  const sidecar = yield* Sidecar
  const apiUrl = yield* Effect.orElseSucceed(
    Config.option(Config.nonEmptyString("FORGE_GITEA_API")),
    Option.none<string>,
  )
  const bottles = Option.match(yield* Effect.serviceOption(BottleStore), {
    onNone: () => Effect.succeed([]),
    onSome: (store) => store.all,
  })
  const destroying = new Set<string>(
    (yield* bottles).filter((bottle) => Option.isSome(bottle.destroyingAt)).map(({ slug }) => slug),
  )
  return yield* Effect.forEach(
    rows.filter((row) => options.all === true || row.status !== "destroyed"),
    (row) =>
      Effect.map(sidecar.lastCheckin(row.slug as Slug), (checkin) =>
        forgeStatus(row, apiUrl, checkin, destroying.has(row.slug)),
      ),
  )
})
