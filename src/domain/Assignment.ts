/** Assignment says what a run works on at its forge, and who is trusted there. */
import { Schema } from "effect"
import { isClosingKeyword } from "./ClosingKeywords.ts"
import { ForgeNumber } from "./Forge.ts"
import { ForgeTarget } from "./ForgeTarget.ts"
import { GitRef } from "./ManifestGit.ts"

/** The organisation of the bot accounts, unless an assignment names another. */
export const DEFAULT_FORGE_ORG = "bot-bottle"

/** A closing keyword in addition to the forge's own. */
const Keyword = Schema.String.pipe(
  Schema.filter(isClosingKeyword, { message: () => "must be a word made of letters" }),
)

/** What a run works on. Only the number is required. */
export const Assignment = Schema.Struct({
  /** The issue or the pull request. */
  issueNumber: ForgeNumber,
  /** Pull requests that the operator named. They are in scope whoever opened them. */
  prNumbers: Schema.optional(Schema.Array(ForgeNumber)),
  /** Pull requests that an earlier run reported to have opened. They are in scope if they are the run's own. */
  openedPrs: Schema.optional(Schema.Array(ForgeNumber)),
  /** The organisation of the bot accounts, whose members are never trusted; {@link DEFAULT_FORGE_ORG} unless given. */
  org: Schema.optional(Schema.NonEmptyString),
  /** Logins of the operator's bots, who are never trusted, in that organisation or not. */
  bots: Schema.optional(Schema.Array(Schema.NonEmptyString)),
  /** The organisation whose members are trusted; the repository's owner unless given. */
  trustOrg: Schema.optional(Schema.NonEmptyString),
  /** Closing keywords of this forge in addition to the built-in ones. */
  closingKeywords: Schema.optional(Schema.Array(Keyword)),
  /** The base branch of the run's pull requests; the repository's default branch unless given. */
  base: Schema.optional(GitRef),
  /** How long the run may be silent before somebody should look at it. */
  watchdog: Schema.optional(Schema.DurationFromSelf),
})
/** What a run works on. */
export type Assignment = typeof Assignment.Type

/** The forge part of a run: where it works, and on what. */
export const AssignedForge = Schema.Struct({ target: ForgeTarget, assignment: Assignment })
/** The forge part of a run. */
export type AssignedForge = typeof AssignedForge.Type

/** Who is trusted at a forge; from an {@link Assignment}, or on its own. */
export type ForgeTrust = Pick<Assignment, "org" | "bots" | "trustOrg"> & {
  /**
   * When the forge does not say who somebody is: `no` treats them as not trusted, `fails` makes the read fail. `no` unless given. If
   * the forge may not tell, they are never trusted.
   */
  readonly unanswered?: "no" | "fails"
}
