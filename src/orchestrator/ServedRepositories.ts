/** ServedRepositories is the allow-list of the orchestrator: which repositories it serves, how it reaches them, and by which settings. */
import { Context, type Option } from "effect"
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
  /** Closing words of the forge beside those that it always has. */
  readonly closingKeywords?: ReadonlyArray<string>
  /** The branch that pull requests go to; the repository's default branch unless given. */
  readonly base?: string
  /** Backend of new bottles; the manifest's unless given. */
  readonly backend?: string
  /** How many bottles of this repository may run at a time. */
  readonly running?: number
  /** What the runs of this repository may use: beside the budgets of the service, of which the tightest counts. */
  readonly budgets?: Budgets
}

/** ServedRepositories is the allow-list of the orchestrator. */
export class ServedRepositories extends Context.Tag("bot-bottle/ServedRepositories")<
  ServedRepositories,
  {
    /** None for a repository that is not served: nothing is read of it and nothing is done. */
    readonly find: (repository: RepositoryKey) => Option.Option<ServedRepository>
    /** How many bottles may run on this machine. */
    readonly running: number
    /** How many bottles of one owner's repositories may run. */
    readonly perOrganisation?: number
    /** What all runs may use in a day, and those of each issue. */
    readonly budgets?: Budgets
    /** Where the days of budgets begin, such as `Europe/Berlin`; UTC unless given. */
    readonly timeZone?: string
    /** Who is to be told of what; nobody unless given. */
    readonly tells?: Tells
  }
>() {}
