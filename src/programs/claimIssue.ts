/** claimIssue: records a bottle as the handler of an issue before it is launched. */
import { Effect, Option } from "effect"
import type { AssignedForge } from "../domain/Assignment.ts"
import type { BottleMetadata } from "../domain/Bottle.ts"
import { AlreadyHandled } from "../domain/Errors.ts"
import { ForgeState, isAbout } from "../domain/ForgeState.ts"
import type { ForgeStateKey } from "../domain/ForgeState.ts"
import { ForgeStateStore } from "../services/ForgeStateStore.ts"
import { nowIso } from "./clock.ts"

/**
 * Writes the issue's row for the bottle in one transaction, and returns how to restore the former row. Fails with `AlreadyHandled` when
 * another bottle that is not destroyed handles the issue. A row without a known forge handles it on every forge.
 */
export const claimIssue = Effect.fn("claimIssue")(function* (
  key: ForgeStateKey,
  bottle: BottleMetadata,
  /** The pull request that the operator named for this run, and the login of the token's user (`""` when not known). */
  known: { readonly namedPr: Option.Option<number>; readonly agentGitUser: string },
) {
  const store = yield* ForgeStateStore
  const lastCheckinAt = yield* nowIso
  const isOther = (row: ForgeState): boolean => row.status !== "destroyed" && row.slug !== bottle.slug
  // Rows without a forge, and with other spellings of the names, have other keys. No run writes either of them any more.
  const handling = (yield* store.all).find((row) => isAbout(row, key) && isOther(row))
  if (handling !== undefined) return yield* handledBy(handling)
  const claimed = yield* store.modify(key, (current): readonly [Claim, Option.Option<ForgeState>] => {
    const other = Option.filter(current, isOther)
    if (Option.isSome(other)) return [{ other, before: current }, current]
    const own = Option.filter(current, (row) => row.slug === bottle.slug)
    const row = new ForgeState({
      ...key,
      slug: bottle.slug,
      agentName: bottle.spec.agent,
      bottleNames: bottle.spec.bottles,
      backendName: bottle.spec.backend,
      agentGitUser: known.agentGitUser,
      prNumber: Option.orElse(known.namedPr, () => Option.flatMap(own, (mine) => mine.prNumber)),
      status: "running",
      lastCheckinAt,
    })
    return [{ other, before: current }, Option.some(row)]
  })
  if (Option.isSome(claimed.other)) return yield* handledBy(claimed.other.value)
  return {
    /** The pull request in the bottle's row before this run. */
    prNumber: Option.flatMap(claimed.before, (row) =>
      row.slug === bottle.slug ? row.prNumber : Option.none(),
    ),
    /** Restores the former row, unless another bottle has it by now. */
    restore: store.modify(key, (current) => [
      undefined,
      Option.exists(current, (row) => row.slug === bottle.slug) ? claimed.before : current,
    ]),
  }
})

/** The pull request that the operator named for a run. */
export const namedPrOf = ({ assignment }: AssignedForge): Option.Option<number> =>
  Option.fromNullable(assignment.prNumbers?.[0])

const handledBy = ({ forge, owner, repo, issueNumber, slug, status }: ForgeState): AlreadyHandled =>
  new AlreadyHandled({ forge, owner, repo, issueNumber, slug, status })

interface Claim {
  /** The row of another live bottle: the claim is refused. */
  readonly other: Option.Option<ForgeState>
  readonly before: Option.Option<ForgeState>
}
