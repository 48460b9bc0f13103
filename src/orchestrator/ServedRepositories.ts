/** ServedRepositories is the orchestrator's allow-list: which repositories it serves, how to reach them, and their settings. */
import { Context, Effect, Option } from "effect"
import type { ForgeConfigInvalid, ForgeRequestError } from "../domain/Errors.ts"
import type { ForgeTarget } from "../domain/ForgeTarget.ts"
import type { ForgeTrust } from "../domain/Assignment.ts"
import type { Budgets } from "../domain/orchestrator/Budgets.ts"
import type { RepositoryKey } from "../domain/orchestrator/IssueKey.ts"
import type { Tells } from "../domain/orchestrator/Outbox.ts"
import type { LifeSettings } from "../domain/orchestrator/LifeSettings.ts"

/** A repository that is served. */
export interface ServedRepository extends ForgeTrust {
  readonly target: ForgeTarget
  /** The login of the bot is read from the forge. */
  readonly life: Omit<LifeSettings, "botLogin">
  /** Closing keywords of the forge in addition to the built-in ones. */
  readonly closingKeywords?: ReadonlyArray<string>
  /** Base branch of pull requests; the repository's default branch unless given. */
  readonly base?: string
  /** Backend of new bottles; the manifest's unless given. */
  readonly backend?: string
  /** How many bottles of this repository may run at once. */
  readonly running?: number
  /** Budget of this repository's runs. The budgets of the service apply as well; the tightest one counts. */
  readonly budgets?: Budgets
}

/** ServedRepositories is the orchestrator's allow-list. */
export class ServedRepositories extends Context.Tag("bot-bottle/ServedRepositories")<
  ServedRepositories,
  {
    /** None for a repository that is not served: it is neither read nor changed. */
    readonly find: (repository: RepositoryKey) => Option.Option<ServedRepository>
    /** Logins of the operator's bots, who are never trusted; only the bot of a repository's target unless given. */
    readonly bots?: Effect.Effect<ReadonlyArray<string>, ForgeRequestError | ForgeConfigInvalid>
    /** How many bottles may run on this machine. */
    readonly running: number
    /** How many bottles of one owner's repositories may run. */
    readonly perOrganisation?: number
    /** Budgets of all runs per day, and of the runs of each issue. */
    readonly budgets?: Budgets
    /** Time zone of the budgets' days, such as `Europe/Berlin`; UTC unless given. */
    readonly timeZone?: string
    /** Which receivers get which notices; none unless given. */
    readonly tells?: Tells
  }
>() {}

/** A repository that is served, with the logins of all bots. Fails while the forge does not name them. */
export const findServed = Effect.fn("findServed")(function* (repository: RepositoryKey) {
  const { find, bots } = yield* ServedRepositories
  const served = find(repository)
  if (Option.isNone(served) || bots === undefined) return served
  return Option.some({ ...served.value, bots: yield* bots } satisfies ServedRepository)
})
