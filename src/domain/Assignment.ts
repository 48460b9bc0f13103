/** Assignment says what a run is to work on at its forge, and whose words count there. */
import { Schema } from "effect"
import { isClosingKeyword } from "./ClosingKeywords.ts"
import { ForgeNumber } from "./Forge.ts"
import { ForgeTarget } from "./ForgeTarget.ts"
import { GitRef } from "./ManifestGit.ts"

/** The org of the bot accounts unless an assignment names another. */
export const DEFAULT_FORGE_ORG = "bot-bottle"

/** A closing word beside the forge's own. */
const Keyword = Schema.String.pipe(
  Schema.filter(isClosingKeyword, { message: () => "must be a word made of letters" }),
)

/** What a run is to work on. Only the number is needed. */
export const Assignment = Schema.Struct({
  /** The issue or the pull request. */
  issueNumber: ForgeNumber,
  /** Pull requests that the operator named: in scope whoever opened them. */
  prNumbers: Schema.optional(Schema.Array(ForgeNumber)),
  /** Pull requests that an earlier run reported to have opened: in scope when they are the run's own. */
  openedPrs: Schema.optional(Schema.Array(ForgeNumber)),
  /** The org of the bot accounts, whose members are never trusted; {@link DEFAULT_FORGE_ORG} unless given. */
  org: Schema.optional(Schema.NonEmptyString),
  /** Its members are trusted; the repository's owner unless given. */
  trustOrg: Schema.optional(Schema.NonEmptyString),
  /** Closing words of this forge beside those that it always has. */
  closingKeywords: Schema.optional(Schema.Array(Keyword)),
  /** The branch that pull requests of the run go to; the repository's default branch unless given. */
  base: Schema.optional(GitRef),
  /** How long the run may be silent before somebody looks after it. */
  watchdog: Schema.optional(Schema.DurationFromSelf),
})
/** What a run is to work on. */
export type Assignment = typeof Assignment.Type

/** What a run is about on a forge: where, and what. */
export const AssignedForge = Schema.Struct({ target: ForgeTarget, assignment: Assignment })
/** What a run is about on a forge. */
export type AssignedForge = typeof AssignedForge.Type

/** Whose words count at a forge; of an {@link Assignment}, or by themselves. */
export type ForgeTrust = Pick<Assignment, "org" | "trustOrg"> & {
  /**
   * When the forge does not answer who somebody is: their words do not count (`no`), or what was read `fails`. `no` unless given; what
   * the forge may not tell is no in any case.
   */
  readonly unanswered?: "no" | "fails"
}
