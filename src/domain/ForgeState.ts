/** Which bottle handles which issue: one row for each forge-targeted issue. */
import { Option, Schema } from "effect"
import { ForgeNumber } from "./Forge.ts"
import { Slug } from "./Slug.ts"

/** The key of a row. */
export const ForgeStateKey = Schema.Struct({
  /** The forge's normalised API address (`forgeAddress`); `""` in rows of versions that did not store it. */
  forge: Schema.String,
  owner: Schema.String,
  repo: Schema.String,
  issueNumber: ForgeNumber,
})
/** The key of a row. */
export type ForgeStateKey = typeof ForgeStateKey.Type

/** Where an issue's bottle is in its life cycle. */
export const ForgeStateStatus = Schema.Literal("running", "frozen", "destroyed")
/** Where an issue's bottle is in its life cycle. */
export type ForgeStateStatus = typeof ForgeStateStatus.Type

const orElse = <A, I>(schema: Schema.Schema<A, I>, value: () => A) =>
  schema.pipe(Schema.propertySignature, Schema.withConstructorDefault(value))

/** One row. Fields with a default may be omitted in the constructor. */
export class ForgeState extends Schema.Class<ForgeState>("ForgeState")({
  ...ForgeStateKey.fields,
  slug: Slug,
  agentName: Schema.String,
  bottleNames: orElse(Schema.Array(Schema.String), () => []),
  backendName: orElse(Schema.String, () => ""),
  /** Login of the forge token's user; `""` when not known. */
  agentGitUser: orElse(Schema.String, () => ""),
  prNumber: orElse(Schema.OptionFromNullOr(ForgeNumber), Option.none<number>),
  status: orElse(ForgeStateStatus, () => "running" as const),
  /** ISO 8601, stored as given, including the offset; `""` when there was none. */
  lastCheckinAt: orElse(Schema.String, () => ""),
}) {}

/** A pull request of a repository: the key of its issue with its own number. */
export interface ForgePr extends Pick<ForgeStateKey, "forge" | "owner" | "repo"> {
  readonly prNumber: number
}

/** Whether the run of a row opened that pull request. Names are compared case-insensitively. */
export const isOfPr = (row: ForgeState, pr: ForgePr): boolean =>
  row.forge === pr.forge &&
  Option.contains(row.prNumber, pr.prNumber) &&
  row.owner.toLowerCase() === pr.owner.toLowerCase() &&
  row.repo.toLowerCase() === pr.repo.toLowerCase()

/** The same state under a key. */
export const atKey = ({ forge, owner, repo, issueNumber }: ForgeStateKey, state: ForgeState): ForgeState =>
  new ForgeState({ ...state, forge, owner, repo, issueNumber })

/**
 * Whether a row is about that issue. A row without a known forge matches the issue on every forge. Names are compared
 * case-insensitively.
 */
export const isAbout = (row: ForgeStateKey, key: ForgeStateKey): boolean =>
  (row.forge === "" || row.forge === key.forge) &&
  row.issueNumber === key.issueNumber &&
  row.owner.toLowerCase() === key.owner.toLowerCase() &&
  row.repo.toLowerCase() === key.repo.toLowerCase()

/** `owner/repo#n`. */
export const issueName = ({ owner, repo, issueNumber }: ForgeStateKey): string =>
  `${owner}/${repo}#${issueNumber}`
