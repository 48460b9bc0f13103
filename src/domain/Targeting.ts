/** Targeting tells from an issue's labels whether it is meant for one of our agents. */
import type { Issue } from "./Forge.ts"

/** The label that names the agent: `bot-bottle:<agent>`. */
export const AGENT_LABEL = "bot-bottle:"
/** The labels that select bottles instead of the agent's default: `bot-bottle-bottle:<name>`. */
export const BOTTLE_LABEL = "bot-bottle-bottle:"

/** What an issue's labels select. `bottles` is in label order, each once; empty means the agent's default. */
export type Target =
  | { readonly _tag: "Targeted"; readonly agent: string; readonly bottles: ReadonlyArray<string> }
  | { readonly _tag: "NotTargeted"; readonly reason: string }

/**
 * Reads the part of the targeting convention that the issue itself shows: exactly one agent label, no empty suffix, and an assignee.
 * Only the forge knows whether an assignee is one of our bots (`Forge.isOrgMember`).
 */
export const parseTarget = (issue: Issue): Target => {
  const agents = suffixes(issue.labels, AGENT_LABEL)
  const bottles = suffixes(issue.labels, BOTTLE_LABEL)
  const agent = agents[0]
  if (agent === undefined) return notTargeted(`it has no label ${AGENT_LABEL}<agent>`)
  if (agents.length > 1) return notTargeted(`its labels name several agents: ${agents.join(", ")}`)
  if (agent === "") return notTargeted(`its label ${AGENT_LABEL} names no agent`)
  if (bottles.includes("")) return notTargeted(`its label ${BOTTLE_LABEL} names no bottle`)
  if (issue.assignees.length === 0) return notTargeted("it has no assignee")
  return { _tag: "Targeted", agent, bottles }
}

const suffixes = (labels: ReadonlyArray<string>, prefix: string): ReadonlyArray<string> => [
  ...new Set(
    labels.filter((label) => label.startsWith(prefix)).map((label) => label.slice(prefix.length).trim()),
  ),
]

const notTargeted = (reason: string): Target => ({ _tag: "NotTargeted", reason })
