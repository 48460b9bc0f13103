/** observe: reads the whole input of `decide` except the room for more bottles, which is counted when a start is decided. */
import { Clock, Effect, Option } from "effect"
import type { InboxRow } from "../../domain/orchestrator/InboxHint.ts"
import type { IssueKey } from "../../domain/orchestrator/IssueKey.ts"
import { newIssueState } from "../../domain/orchestrator/IssueState.ts"
import type { Input, Millis } from "../../domain/orchestrator/Observed.ts"
import { observedOperation } from "../../domain/orchestrator/StoredOperation.ts"
import { IssueStates } from "../../services/IssueStates.ts"
import { Operations } from "../../services/Operations.ts"
import type { ServedRepository } from "../ServedRepositories.ts"
import { observeBottle } from "./observeBottle.ts"
import { observeForge } from "./observeForge.ts"

/** The input of `decide` without its capacity. */
export type Observation = Omit<Input, "capacity">

/**
 * Observes an issue. The state is read first: a change after that makes the commit of the decision fail, instead of the decision wrong.
 * Fails when the forge or the backend does not respond.
 */
export const observe = Effect.fn("observe")(function* (
  issue: IssueKey,
  served: ServedRepository,
  {
    hints,
    steadySince,
  }: { readonly hints: ReadonlyArray<InboxRow>; readonly steadySince: Effect.Effect<Millis> },
) {
  const stored = yield* (yield* IssueStates).get(issue)
  const operation = yield* (yield* Operations).newest(issue)
  const bottle = yield* observeBottle(issue)
  const prs = Option.match(bottle, { onNone: () => [], onSome: (it) => it.prs })
  const { forge, botLogin } = yield* observeForge(served, issue.issueNumber, prs, editorsOf(hints))
  return {
    // Read together: the clock may have jumped while the forge responded.
    now: yield* Clock.currentTimeMillis,
    steadySince: yield* steadySince,
    number: issue.issueNumber,
    forge,
    state: Option.match(stored, { onNone: () => newIssueState, onSome: ({ state }) => state }),
    ...(Option.isSome(bottle) && { bottle: bottle.value }),
    ...(Option.isSome(operation) && { operation: observedOperation(operation.value) }),
    settings: { ...served.life, botLogin },
  } satisfies Observation
})

/** Who edited title or body, from the webhooks among the open hints. */
const editorsOf = (hints: ReadonlyArray<InboxRow>): ReadonlyArray<string> => [
  ...new Set(
    hints.flatMap(({ detail: { textEdited, actor } }) =>
      textEdited === true && actor !== undefined ? [actor.login] : [],
    ),
  ),
]
