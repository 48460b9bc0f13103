/** forPulls: after an event on a pull request that a run opened, looks at the issue of the run. */
import { Effect } from "effect"
import { InboxHint, routedHintId } from "../../domain/orchestrator/InboxHint.ts"
import { IssueNumber } from "../../domain/orchestrator/IssueKey.ts"
import { ForgeStateStore } from "../../services/ForgeStateStore.ts"
import type { AcceptHint } from "./webhook.ts"

/**
 * Stores hints about a pull request for the issue of its run first, and then under its own number: once the hint itself is known, both
 * are stored. A pull request may also be handled as an issue, so its own hint stays.
 */
export const forPulls = (accept: AcceptHint): Effect.Effect<AcceptHint, never, ForgeStateStore> =>
  Effect.map(ForgeStateStore, ({ ofPr }): AcceptHint =>
    Effect.fn("forPulls")(function* (hint) {
      const { forge, owner, repo, issueNumber: prNumber } = hint
      if (hint.detail.isPull === true && prNumber !== null) {
        for (const { issueNumber } of yield* ofPr({ forge, owner, repo, prNumber })) {
          if (issueNumber === prNumber) continue
          const issue = IssueNumber.make(issueNumber)
          yield* accept(new InboxHint({ ...hint, id: routedHintId(hint.id, issue), issueNumber: issue }))
        }
      }
      return yield* accept(hint)
    }),
  )
