/** Decides whether an agent's plan is approved, from the comments on its issue: for repositories with `pushAfter: approval`. */
import type { Comment } from "./Forge.ts"
import { BEFORE_ALL, instantOf } from "./Instant.ts"

/** How a comment begins that approves the plan before it. */
export const APPROVE = "/approve"

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
 * Why pushes wait, if they do. The plan is the bot's newest comment on the issue, and this bottle must have posted it: an approval that
 * was given to an earlier bottle does not count. It is approved by a later comment of a trusted person that begins with `/approve` and
 * was never edited. What cannot be decided, such as a comment without a time, approves nothing.
 */
export const unapproved = ({ issue, comments, login, isOwn }: ApprovalInput): Unapproved | undefined => {
  const isBot = ({ user }: Comment) => user.toLowerCase() === login.toLowerCase()
  const at = comments.findLastIndex(isBot)
  const plan = comments[at]
  if (plan === undefined || !isOwn(plan.id)) return withoutPlan(issue)
  const changed = Math.max(instantOf(plan.createdAt), instantOf(plan.updatedAt))
  const approves = (comment: Comment) =>
    comment.authorTrusted &&
    isUnedited(comment) &&
    instantOf(comment.createdAt) >= changed &&
    isApproval(comment.body)
  const isApproved = changed !== BEFORE_ALL && comments.slice(at + 1).some(approves)
  return isApproved ? undefined : waiting(issue)
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
