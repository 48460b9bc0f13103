/** forDependants has the issues that wait for others looked at when something happens on an issue: no forge reports to them that one was closed. */
import { type Context, Effect } from "effect"
import { IssueStates } from "../../services/IssueStates.ts"
import type { LifeCycleEngine } from "../../services/LifeCycleEngine.ts"
import { lookAtWaiting } from "../attend.ts"
import type { AcceptHint } from "./webhook.ts"

/** Comments, reviews and statuses close nothing. */
const CLOSING: ReadonlySet<string> = new Set(["issue", "pull", "sweep"])

/** Keeps hints, and after each new one that may be of a close has those issues looked at. What is lost of that a later pass finds. */
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
            ? Effect.provideService(lookAtWaiting(engine, ["dependencies"]), IssueStates, states)
            : Effect.void,
        ),
  )
