/** order: an operator's order is in the history, under the operator's name, before it is carried out. */
import { Clock, Effect } from "effect"
import type { OrderedAction } from "../../../domain/orchestrator/History.ts"
import { type IssueKey, issueId } from "../../../domain/orchestrator/IssueKey.ts"
import { History } from "../../../services/History.ts"
import { Operator } from "../api/Operator.ts"
import { orUnavailable } from "./failures.ts"

/** Carries out an order once it is recorded. One that cannot be recorded is not carried out. */
export const order = <A, E, R>(
  action: OrderedAction,
  about: { readonly issue?: IssueKey; readonly slug?: string; readonly detail?: string },
  effect: Effect.Effect<A, E, R>,
) =>
  Effect.gen(function* () {
    const { name: operator } = yield* Operator
    const subject = about.slug ?? (about.issue === undefined ? "" : issueId(about.issue))
    const target = about.detail === undefined ? subject : `${subject} ${about.detail}`
    const at = yield* Clock.currentTimeMillis
    const event = { _tag: "Ordered", operator, action, target } as const
    yield* orUnavailable((yield* History).add({ at, issue: about.issue ?? null, event }))
    yield* Effect.logInfo(`${operator} ordered: ${action}${target === "" ? "" : ` ${target}`}`)
    return yield* effect
  })
