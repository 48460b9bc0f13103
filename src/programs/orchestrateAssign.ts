/** orchestrateAssign: sets the forge of a bottle's issue, for rows of versions that did not store it. */
import { Effect, Option } from "effect"
import { AlreadyHandled, BottleNotFound, InvalidInput } from "../domain/Errors.ts"
import { forgeAddress } from "../domain/ForgeAddress.ts"
import { atKey, issueName } from "../domain/ForgeState.ts"
import { ForgeStateStore } from "../services/ForgeStateStore.ts"
import { parseSlug } from "./parseSlug.ts"

/** Options of `orchestrateAssign`. */
export interface OrchestrateAssignOptions {
  readonly slug: string
  /** The forge's API address, as in FORGE_GITEA_API. */
  readonly forge: string
}

/**
 * Sets the forge of the slug's rows that have none, and returns their keys. Safe to repeat. Fails with `InvalidInput` when the address
 * is not an API address or the bottle's issue is at another forge, with `AlreadyHandled` when another bottle handles the issue there,
 * and with `BottleNotFound` when the slug has no row.
 */
export const orchestrateAssign = Effect.fn("orchestrateAssign")(function* (
  options: OrchestrateAssignOptions,
) {
  const slug = yield* parseSlug(options.slug)
  const address = forgeAddress(options.forge)
  if (Option.isNone(address)) {
    return yield* new InvalidInput({
      field: "forge",
      reason: "give the API's http or https URL, without user, password, query or fragment",
    })
  }
  const forge = address.value
  const store = yield* ForgeStateStore
  const rows = (yield* store.all).filter((row) => row.slug === slug)
  if (rows.length === 0) return yield* new BottleNotFound({ slug })
  const elsewhere = rows.find((row) => row.forge !== "" && row.forge !== forge)
  if (elsewhere !== undefined) {
    return yield* new InvalidInput({
      field: "forge",
      reason: `bottle "${slug}" handles ${issueName(elsewhere)} at ${elsewhere.forge}`,
    })
  }
  yield* Effect.forEach(
    rows.filter((row) => row.forge === ""),
    (row) =>
      Effect.gen(function* () {
        const { owner, repo, issueNumber } = row
        const key = { forge, owner, repo, issueNumber }
        const other = yield* store.modify(key, (current) => {
          const taken = Option.filter(current, (there) => there.slug !== slug && there.status !== "destroyed")
          return [taken, Option.orElse(taken, () => Option.some(atKey(key, row)))]
        })
        if (Option.isSome(other)) {
          const { status, ...there } = other.value
          return yield* new AlreadyHandled({ ...key, slug: there.slug, status })
        }
        yield* store.delete(row)
      }),
    { discard: true },
  )
  return rows.map(({ owner, repo, issueNumber }) => ({ forge, owner, repo, issueNumber }))
})
