/** What `orchestrate status` shows of an issue, and the addresses of issues and pull requests. */
import { Option, Schema } from "effect"
import type { ForgeState } from "./ForgeState.ts"
import { ForgeStateStatus } from "./ForgeState.ts"
import { instantOf } from "./Instant.ts"

/** What `orchestrate status` shows of an issue. */
export class ForgeStatus extends Schema.Class<ForgeStatus>("ForgeStatus")({
  owner: Schema.String,
  repo: Schema.String,
  issueNumber: Schema.Number,
  /** Address of the issue; `owner/repo#n` when the forge's address is not known. */
  issueUrl: Schema.String,
  /** Address of the PR, or `owner/repo#n`; null without a PR. */
  prUrl: Schema.OptionFromNullOr(Schema.String),
  slug: Schema.String,
  agent: Schema.String,
  /** `destroying`: a destroy of the bottle has not come to its end. */
  status: Schema.Union(ForgeStateStatus, Schema.Literal("destroying")),
  /** ISO 8601; `""` when there was none. */
  lastCheckinAt: Schema.String,
}) {}

/** A row as `status` shows it. `apiUrl` is FORGE_GITEA_API; `checkin` the newest sign of life beside the row's; `destroying` whether a destroy of its bottle has not ended. */
export const forgeStatus = (
  row: ForgeState,
  apiUrl: Option.Option<string>,
  checkin: Option.Option<string>,
  destroying = false,
): ForgeStatus => {
  const address = (kind: "issues" | "pulls", number: number): string =>
    Option.match(apiUrl, {
      onNone: () => `${row.owner}/${row.repo}#${number}`,
      onSome: (api) =>
        `${webUrl(api)}/${encodeURIComponent(row.owner)}/${encodeURIComponent(row.repo)}/${kind}/${number}`,
    })
  return new ForgeStatus({
    owner: row.owner,
    repo: row.repo,
    issueNumber: row.issueNumber,
    issueUrl: address("issues", row.issueNumber),
    prUrl: Option.map(row.prNumber, (number) => address("pulls", number)),
    slug: row.slug,
    agent: row.agentName,
    status: destroying ? "destroying" : row.status,
    lastCheckinAt: newer(
      row.lastCheckinAt,
      Option.getOrElse(checkin, () => ""),
    ),
  })
}

const webUrl = (api: string): string => api.replace(/\/+$/, "").replace(/\/api\/v1$/, "")

const newer = (a: string, b: string): string => (instantOf(b) > instantOf(a) ? b : a)
