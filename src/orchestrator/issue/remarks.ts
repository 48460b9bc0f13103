/** Converts a forge's comments and reviews to remarks, each with its author. */
import type { Comment } from "../../domain/Forge.ts"
import type { Review, ReviewLine } from "../../domain/ForgeDetails.ts"
import { BEFORE_ALL, instantOf } from "../../domain/Instant.ts"
import type { Actor, LineRemark, Millis, Remark } from "../../domain/orchestrator/Observed.ts"

/** The time of a text on the forge; 0 when it gives none. */
export const millisOf = (time: string): Millis => {
  const instant = instantOf(time)
  return instant === BEFORE_ALL ? 0 : instant
}

/** Where the remarks are, the login of the account that reads them, and those of the operator's other bots. */
export interface Place {
  readonly on: number
  readonly login: string
  readonly bots?: ReadonlyArray<string>
}

const authorOf = (user: string, trusted: boolean, { login, bots = [] }: Place): Actor => ({
  login: user,
  trusted,
  bot: [login, ...bots].some((bot) => bot.toLowerCase() === user.toLowerCase()),
})

/** Converts a comment. */
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
 * A review, and each reply in its threads as a separate remark: a forge lists replies of other people, and later ones of the reviewer,
 * among the review's lines.
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
