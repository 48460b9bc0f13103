/** lookAtRows: has stored issues looked at, by what their rows say. */
import { Effect } from "effect"
import type { WaitKind } from "../domain/orchestrator/Decision.ts"
import type { IssueKey, Page } from "../domain/orchestrator/IssueKey.ts"
import type { StoredIssue } from "../domain/orchestrator/StoredIssue.ts"
import { allPages } from "../programs/allPages.ts"
import { IssueStates } from "../services/IssueStates.ts"

/** The issues that wait for one of these. */
export const waitingFor = Effect.fn("waitingFor")(function* (...kinds: ReadonlyArray<WaitKind>) {
  const states = yield* IssueStates
  const found = yield* Effect.forEach(kinds, (kind) =>
    allPages((page: Page<StoredIssue>) => states.waiting(kind, page)),
  )
  return found.flat()
})

/** The issues whose bottle is not destroyed. */
export const liveIssues = Effect.flatMap(IssueStates, (states) =>
  allPages((page: Page<StoredIssue>) => states.live(page)),
)

/** Looks at each of these issues. */
export const lookAtRows = <E, R>(
  look: (issue: IssueKey) => Effect.Effect<void>,
  read: Effect.Effect<ReadonlyArray<StoredIssue>, E, R>,
): Effect.Effect<void, E, R> =>
  Effect.flatMap(read, (rows) =>
    Effect.forEach(rows, ({ forge, owner, repo, issueNumber }) => look({ forge, owner, repo, issueNumber }), {
      discard: true,
    }),
  )
