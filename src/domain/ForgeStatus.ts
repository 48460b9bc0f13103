/** What `orchestrate status` shows of an issue, and the addresses of issues and pull requests. */
import { Option, Schema } from "effect"
import { BottleStatus } from "./Bottle.ts"
import type { ForgeState } from "./ForgeState.ts"
import { ForgeStateKey, ForgeStateStatus, issueName } from "./ForgeState.ts"
import { instantOf } from "./Instant.ts"
import { Slug } from "./Slug.ts"

/** What `orchestrate status` shows of an issue. */
export class ForgeStatus extends Schema.Class<ForgeStatus>("ForgeStatus")({
  ...ForgeStateKey.fields,
  issueNumber: Schema.Number,
  /** Address of the issue; `owner/repo#n` when the row's forge is not known. */
  issueUrl: Schema.String,
  /** Address of the PR, or `owner/repo#n`; null without a PR. */
  prUrl: Schema.OptionFromNullOr(Schema.String),
  slug: Slug,
  agent: Schema.String,
  /** Login of the forge token's user at the last launch; `""` when it is not known. */
  agentGitUser: Schema.String,
  /** Status of the row. `destroying`: a destroy of the bottle has not finished. */
  status: Schema.Union(ForgeStateStatus, Schema.Literal("destroying")),
  /** State of the bottle, as in `list`; `destroyed` if the row says so, `gone` when there is no such bottle. */
  state: Schema.Union(BottleStatus.fields.state, Schema.Literal("destroyed", "gone")),
  /** How the agent of the last run ended, and what it reported. */
  exit: BottleStatus.fields.exit,
  done: BottleStatus.fields.done,
  /** What the newest run of the bottle used so far. */
  use: BottleStatus.fields.use,
  /** ISO 8601; `""` when there was none. */
  lastCheckinAt: Schema.String,
}) {}

/** A row as `status` shows it. `checkin` may be newer than the row's check-in. `bottle` is none when no bottle has the row's slug. */
export const forgeStatus = (
  row: ForgeState,
  bottle: Option.Option<BottleStatus>,
  checkin: Option.Option<string>,
): ForgeStatus => {
  const address = (kind: "issues" | "pulls", number: number): string => addressAt(row, kind, number)
  const state = Option.map(bottle, (it) => it.state)
  return new ForgeStatus({
    forge: row.forge,
    owner: row.owner,
    repo: row.repo,
    issueNumber: row.issueNumber,
    issueUrl: address("issues", row.issueNumber),
    prUrl: Option.map(row.prNumber, (number) => address("pulls", number)),
    slug: row.slug,
    agent: row.agentName,
    agentGitUser: row.agentGitUser,
    status: Option.contains(state, "destroying") ? "destroying" : row.status,
    state: Option.getOrElse(state, () => (row.status === "destroyed" ? "destroyed" : "gone")),
    exit: Option.flatMap(bottle, ({ exit }) => exit),
    done: Option.flatMap(bottle, ({ done }) => done),
    use: Option.flatMap(bottle, ({ use }) => use),
    lastCheckinAt: newer(
      row.lastCheckinAt,
      Option.getOrElse(checkin, () => ""),
    ),
  })
}

/** Address of an issue or a pull request of a repository; `owner/repo#n` when its forge is not known. */
export const addressAt = (
  { forge, owner, repo }: Pick<ForgeState, "forge" | "owner" | "repo">,
  kind: "issues" | "pulls",
  number: number,
): string =>
  forge === ""
    ? issueName({ forge, owner, repo, issueNumber: number })
    : `${webUrl(forge)}/${encodeURIComponent(owner)}/${encodeURIComponent(repo)}/${kind}/${number}`

const webUrl = (api: string): string => api.replace(/\/api\/v1$/, "")

const newer = (a: string, b: string): string => (instantOf(b) > instantOf(a) ? b : a)
