/** assigned: the forge target and assignment of an issue's run. */
import type { AssignedForge } from "../../domain/Assignment.ts"
import type { IssueKey } from "../../domain/orchestrator/IssueKey.ts"
import { Duration } from "effect"
import type { ServedRepository } from "../ServedRepositories.ts"

/** The forge of a run, with the pull requests that earlier runs of its bottle opened. */
export const assigned = (
  { issueNumber, owner, repo }: IssueKey,
  { target, org, bots, trustOrg, closingKeywords, base, life }: ServedRepository,
  openedPrs: ReadonlyArray<number> = [],
): AssignedForge => ({
  target: { ...target, owner, repo },
  assignment: {
    issueNumber,
    openedPrs,
    watchdog: Duration.millis(life.watchdog),
    ...(base !== undefined && { base }),
    ...(org !== undefined && { org }),
    ...(bots !== undefined && { bots }),
    ...(trustOrg !== undefined && { trustOrg }),
    ...(closingKeywords !== undefined && { closingKeywords }),
  },
})
