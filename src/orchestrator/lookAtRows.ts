/** lookAtRows: has stored issues looked at, by what their rows say. */
import { Effect } from "effect"
import type { IssueKey } from "../domain/orchestrator/IssueKey.ts"
import type { StoredIssue } from "../domain/orchestrator/StoredIssue.ts"
import { allPages } from "../programs/allPages.ts"
import { IssueStates } from "../services/IssueStates.ts"

/** Looks at each issue whose row is wanted. */
export const lookAtRows = Effect.fn("lookAtRows")(function* (
  look: (issue: IssueKey) => Effect.Effect<void>,
  isWanted: (row: StoredIssue) => boolean,
) {
  const rows = yield* allPages((yield* IssueStates).all)
  yield* Effect.forEach(
    rows.filter(isWanted),
    ({ forge, owner, repo, issueNumber }) => look({ forge, owner, repo, issueNumber }),
    { discard: true },
  )
})

/** Whether an issue waits for one of these kinds of `Wait`. */
export const waitsFor =
  (...kinds: ReadonlyArray<string>) =>
  ({ waits }: StoredIssue): boolean =>
    waits !== null && kinds.includes(waits)
