/** Decides whether an agent's plan is approved, from the comments on its issue: for repositories with `pushAfter: approval`. */
import { Either } from "effect"
import type { Comment } from "./Forge.ts"
import { BEFORE_ALL, instantOf } from "./Instant.ts"

/** How a comment begins that approves the plan before it. */
export const APPROVE = "/approve"

/** A comment that approves a plan; both are comments on the run's issue, by ID. */
export interface Approval {
  readonly plan: number
  readonly comment: number
  /** Login of whoever approved. */
  readonly by: string
}

/** Why a push waits, and what the agent can do. */
export interface Unapproved {
  readonly reason: string
  readonly messages: ReadonlyArray<string>
}

/** Inputs of the decision. */
export interface ApprovalInput {
  /** The issue of the run. */
  readonly issue: number
  /** Comments on it, oldest first. */
  readonly comments: ReadonlyArray<Comment>
  /** Login of the bot. */
  readonly login: string
  /** Whether this bottle posted the comment with that ID. */
  readonly isOwn: (id: number) => boolean
}

/**
 * The approval of the plan, or why pushes wait. The plan is the bot's newest comment on the issue, and this bottle must have posted it: an approval that
 * was given to an earlier bottle does not count. It is approved by a later comment of a trusted person that begins with `/approve` and
 * was never edited. What cannot be decided, such as a comment without a time, approves nothing.
 */
export const approvalOf = ({
  issue,
  comments,
  login,
  isOwn,
}: ApprovalInput): Either.Either<Approval, Unapproved> => {
  const isBot = ({ user }: Comment) => user.toLowerCase() === login.toLowerCase()
  const at = comments.findLastIndex(isBot)
  const plan = comments[at]
  if (plan === undefined || !isOwn(plan.id)) return Either.left(withoutPlan(issue))
  const changed = Math.max(instantOf(plan.createdAt), instantOf(plan.updatedAt))
  const approves = (comment: Comment) =>
    comment.authorTrusted &&
    isUnedited(comment) &&
    instantOf(comment.createdAt) >= changed &&
    isApproval(comment.body)
  const found = changed === BEFORE_ALL ? undefined : comments.slice(at + 1).find(approves)
  return found === undefined
    ? Either.left(waiting(issue))
    : Either.right({ plan: plan.id, comment: found.id, by: found.user })
}

const isUnedited = ({ createdAt, updatedAt }: Comment): boolean =>
  instantOf(createdAt) !== BEFORE_ALL && instantOf(createdAt) === instantOf(updatedAt)

const isApproval = (body: string): boolean =>
  body.startsWith(APPROVE) && /^(?:\s|$)/.test(body.slice(APPROVE.length))

const withoutPlan = (issue: number): Unapproved => ({
  reason: "it needs an approved plan",
  messages: [
    `pushes to this repository need an approved plan: post your plan as a comment on #${issue}, call signal_done with blocked, and end`,
    `you are resumed when a trusted person has replied with a comment that begins with ${APPROVE}`,
  ],
})

const waiting = (issue: number): Unapproved => ({
  reason: "its plan is not approved",
  messages: [
    `your newest comment on #${issue} is your plan, and no trusted person has approved it: call signal_done with blocked, and end`,
    `you are resumed when a trusted person has replied with a comment that begins with ${APPROVE}. Post no other comment on #${issue}: it would be a new plan`,
  ],
})
