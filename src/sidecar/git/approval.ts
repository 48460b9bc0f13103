/** Asks the run's forge whether pushes are approved, and remembers which comments are this bottle's. */
import { Effect } from "effect"
import { appendFile } from "node:fs/promises"
import { type Approval, type Unapproved, approvalOf } from "../../domain/PlanApproval.ts"
import { file, textOf } from "../../files/files.ts"
import type { ForgeApi } from "../../services/Forge.ts"
import { failureOfForge } from "../forge/CallFailure.ts"

/** A forge whose comments on the run's issue are remembered as plans. */
export interface Planned {
  readonly api: ForgeApi
  /** What approves pushes now, or why they wait. Without an answer of the forge they wait. */
  readonly approval: Effect.Effect<Approval, Unapproved>
}

/**
 * The forge of a run, with its plans. `path` lists the comments that this bottle posted to the issue, for a relaunched sidecar. One
 * that could not be recorded is lost with this sidecar: the plan must then be posted again.
 */
export const withPlans = Effect.fnUntraced(function* (api: ForgeApi, issue: number, path: string) {
  const own = new Set((yield* textOf(path)).match(/\d+/g)?.map(Number))
  const remember = (id: number) =>
    Effect.suspend(() => {
      own.add(id)
      return Effect.ignore(file(() => appendFile(path, `${id}\n`, { mode: 0o600 })))
    })
  const asked = Effect.gen(function* () {
    const { login } = yield* api.self
    return yield* Effect.map(api.readComments(issue), (comments) =>
      approvalOf({ issue, login, comments, isOwn: (id) => own.has(id) }),
    )
  }).pipe(Effect.mapError((error) => unknown(failureOfForge(error).message)))
  return {
    api: {
      ...api,
      postComment: (number, body) =>
        Effect.tap(api.postComment(number, body), (id) => (number === issue ? remember(id) : Effect.void)),
    },
    approval: Effect.flatten(asked),
  } satisfies Planned
})

/** For a run without a forge: nobody can approve anything. */
export const neverApproved: Planned["approval"] = Effect.fail({
  reason: "nobody can approve its plan",
  messages: ["pushes to this repository need an approved plan, and this run has no forge"],
})

const unknown = (message: string): Unapproved => ({
  reason: "its plan's approval could not be checked",
  messages: [`your plan's approval could not be checked: ${message}`],
})
