/** Comments and reviews of a forge as remarks, each with the one who wrote it. */
import type { Comment } from "../../domain/Forge.ts"
import type { Review, ReviewLine } from "../../domain/ForgeDetails.ts"
import { BEFORE_ALL, instantOf } from "../../domain/Instant.ts"
import type { Actor, LineRemark, Millis, Remark } from "../../domain/orchestrator/Observed.ts"

/** When a forge's text was; 0 when it says no time. */
export const millisOf = (time: string): Millis => {
  const instant = instantOf(time)
  return instant === BEFORE_ALL ? 0 : instant
}

/** Where remarks are, and the orchestrator's own login. */
export interface Place {
  readonly on: number
  readonly login: string
}

const authorOf = (user: string, trusted: boolean, { login }: Place): Actor => ({
  login: user,
  trusted,
  bot: user.toLowerCase() === login.toLowerCase(),
})

/** A comment. */
export const remarkOfComment = (
  { id, user, body, createdAt, updatedAt, authorTrusted }: Comment,
  place: Place,
): Remark => ({
  kind: "comment",
  id,
  on: place.on,
  author: authorOf(user, authorTrusted, place),
  createdAt: millisOf(createdAt),
  updatedAt: Math.max(millisOf(createdAt), millisOf(updatedAt)),
  body,
  lines: [],
})

/**
 * A review, and each answer in its threads as a remark of its own: a forge lists those of other people among the review's
 * lines, and those that the reviewer wrote later.
 */
export const remarksOfReview = (review: Review, place: Place): ReadonlyArray<Remark> => {
  const submitted = Math.max(millisOf(review.submittedAt), millisOf(review.updatedAt))
  const isOwn = ({ user, createdAt }: ReviewLine) => user === review.user && millisOf(createdAt) <= submitted
  const own = review.lines.filter(isOwn)
  const said: Remark = {
    kind: "review",
    id: review.id,
    on: place.on,
    author: authorOf(review.user, review.authorTrusted, place),
    createdAt: submitted,
    updatedAt: Math.max(submitted, ...own.map(({ updatedAt }) => millisOf(updatedAt))),
    body: review.body,
    verdict: review.state,
    dismissed: review.dismissed,
    lines: own.map(lineOf),
  }
  return [said, ...review.lines.filter((line) => !isOwn(line)).map((line) => answerOf(line, place))]
}

const answerOf = (line: ReviewLine, place: Place): Remark => ({
  kind: "comment",
  id: line.id,
  on: place.on,
  author: authorOf(line.user, line.authorTrusted, place),
  createdAt: millisOf(line.createdAt),
  updatedAt: Math.max(millisOf(line.createdAt), millisOf(line.updatedAt)),
  body: "",
  lines: [lineOf(line)],
})

const lineOf = ({ path, line, hunk, body }: ReviewLine): LineRemark => ({ path, line, hunk, body })
