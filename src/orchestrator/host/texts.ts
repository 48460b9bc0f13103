/** textsOf: reads the texts of a prompt from the forge when the prompt is made. They are not stored. */
import { Effect } from "effect"
import { BackendFailure } from "../../domain/Errors.ts"
import type { IssueKey } from "../../domain/orchestrator/IssueKey.ts"
import type { Check } from "../../domain/orchestrator/Observed.ts"
import type { Consumed, IssueText } from "../../domain/orchestrator/Operation.ts"
import { digestOf, observeForge } from "../issue/observeForge.ts"
import type { ServedRepository } from "../ServedRepositories.ts"

/** The issue, and the remarks that the decision named. A remark that was deleted meanwhile is left out. */
export const textsOf = Effect.fn("textsOf")(function* (
  issue: IssueKey,
  served: ServedRepository,
  prs: ReadonlyArray<number>,
  { consumes, text }: { readonly consumes: ReadonlyArray<Consumed>; readonly text: IssueText },
) {
  const { forge, botLogin } = yield* observeForge(served, issue.issueNumber, prs, [])
  if (forge.issue === undefined) {
    return yield* new BackendFailure({
      backend: "",
      operation: "prompt",
      target: `#${issue.issueNumber}`,
      reason: "the forge has no such issue",
    })
  }
  const { number, title, body, author } = forge.issue
  // Edited after the decision: marked for the agent, because nobody who may start a run has seen that text.
  const isSame = digestOf(forge.issue) === text.digest
  return {
    issue: { number, title, body, author, text: isSame ? text : { ...text, edited: true } },
    isChanged: text.changed || !isSame,
    // Only in the version of the decision: an edited remark is another remark, for a later prompt.
    remarks: forge.remarks.filter((remark) =>
      consumes.some(
        ({ kind, id, updatedAt }) =>
          remark.kind === kind && remark.id === id && remark.updatedAt === updatedAt && remark.author.trusted,
      ),
    ),
    checks: (pr: number): ReadonlyArray<Check> =>
      forge.prs.find((it) => it.number === pr)?.failedChecks ?? [],
    agentGitUser: botLogin,
    targetedBy: (forge.targeting?.actors ?? []).map(({ login }) => login),
  }
})
