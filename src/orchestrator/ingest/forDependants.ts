/** forDependants: after an event on an issue, looks at the issues that depend on it. No forge reports to them that it was closed. */
import { type Context, Effect } from "effect"
import { IssueStates } from "../../services/IssueStates.ts"
import type { LifeCycleEngine } from "../../services/LifeCycleEngine.ts"
import { lookAtRows, waitingFor } from "../lookAtRows.ts"
import type { AcceptHint } from "./webhook.ts"

/** Comments, reviews and statuses close no issue. */
const CLOSING: ReadonlySet<string> = new Set(["issue", "pull", "sweep"])

/**
 * Stores hints and, after each new one that may be about a close, has the dependent issues looked at. A later pass finds anything that
 * is lost here.
 */
export const forDependants = (
  engine: Context.Tag.Service<LifeCycleEngine>,
  accept: AcceptHint,
): Effect.Effect<AcceptHint, never, IssueStates> =>
  Effect.map(
    IssueStates,
    (states): AcceptHint =>
      (hint) =>
        Effect.tap(accept(hint), (result) =>
          result === "accepted" && CLOSING.has(hint.kind)
            ? Effect.provideService(lookAtRows(engine.look, waitingFor("dependencies")), IssueStates, states)
            : Effect.void,
        ),
  )
