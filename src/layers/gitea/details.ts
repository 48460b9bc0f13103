/** More reads of GiteaForge: reviews, checks, dependencies and timelines. */
import { Effect } from "effect"
import type { ForgeRequestError } from "../../domain/Errors.ts"
import type { TimelineEntry } from "../../domain/ForgeDetails.ts"
import type { ForgeReads } from "../../services/Forge.ts"
import {
  CombinedAnswer,
  DependencyAnswer,
  didOf,
  isSubmitted,
  ReviewAnswer,
  type ReviewLineAnswer,
  ReviewLinesAnswer,
  toCheck,
  toReview,
} from "./detailAnswers.ts"
import type { Membership } from "./membership.ts"
import { collectNew, collectPages, type GiteaReads } from "./reads.ts"
import { type Subject, worded } from "./reasons.ts"

/** How many reviews' lines are read at once. */
const REVIEWS_AT_ONCE = 4

type DetailReads = Pick<ForgeReads, "readReviews" | "readChecks" | "dependencies" | "timeline">

/** The details of one repository. */
export const makeDetails = (reads: GiteaReads, { trusted }: Membership): DetailReads => {
  const { http, repoPath } = reads

  const readReviews = Effect.fn("Forge.readReviews")(function* (number: number) {
    const operation = "readReviews"
    const call = { operation, subject: `#${number}`, path: `${repoPath}/pulls/${number}/reviews` }
    const bounded = boundedTogether({ operation, subject: `the reviews of #${number}` }, http.bytesMax)
    const found = yield* collectPages(
      (page) => bounded(reads.page({ ...call, query: { page } }, ReviewAnswer)),
      operation,
    ).pipe(whatIsMissing(reads.pull(operation, number)))
    const reviews = yield* Effect.forEach(
      found.filter(isSubmitted),
      (review) =>
        Effect.map(
          review.comments_count === 0
            ? Effect.succeed<ReadonlyArray<ReviewLineAnswer>>([])
            : bounded(http.read({ ...call, path: `${call.path}/${review.id}/comments` }, ReviewLinesAnswer)),
          (lines) => ({ review, lines }),
        ),
      { concurrency: REVIEWS_AT_ONCE },
    )
    const ids = yield* trusted(
      reviews.flatMap(({ review, lines }) => [review.user, ...lines.map(({ user }) => user)]),
    )
    return reviews.map(({ review, lines }) => toReview(review, lines, ({ id }) => ids.has(id)))
  })

  const readChecks = Effect.fn("Forge.readChecks")(function* (number: number) {
    const operation = "readChecks"
    const { head } = yield* reads.pull(operation, number)
    if (head.sha === "") return { head: "", checks: [] }
    const call = {
      operation,
      subject: `the checks of #${number}`,
      path: `${repoPath}/commits/${encodeURIComponent(head.sha)}/status`,
    }
    const statuses = yield* collectNew(
      (page) =>
        Effect.map(
          http.read({ ...call, query: { page, limit: reads.pageSize } }, CombinedAnswer),
          (answer) => answer.statuses,
        ),
      ({ context }) => context,
      operation,
    )
    return { head: head.sha, checks: statuses.map(toCheck) }
  })

  const dependencies = Effect.fn("Forge.dependencies")(function* (number: number) {
    const operation = "dependencies"
    const call = { operation, subject: `#${number}`, path: `${repoPath}/issues/${number}/dependencies` }
    const found = yield* collectNew(
      (page) => reads.page({ ...call, query: { page } }, DependencyAnswer),
      ({ number, repository: { owner, name } }) => `${owner}/${name}#${number}`,
      operation,
      // This is missing when a repository has dependencies disabled; the issue itself exists.
    ).pipe(
      Effect.catchIf(
        ({ reason }) => reason === "NotFound",
        () => Effect.as(reads.issue(operation, number), []),
      ),
    )
    const shown = found.filter((it) => it.number > 0)
    return {
      open: shown
        .filter(({ state }) => state !== "closed")
        .map((it) => ({ owner: it.repository.owner, repo: it.repository.name, number: it.number })),
      hidden: shown.length < found.length,
    }
  })

  const timeline = Effect.fn("Forge.timeline")(function* (number: number) {
    const entries = (yield* reads.timeline("timeline", number)).flatMap((answer) => {
      const did = didOf(answer)
      return did === undefined ? [] : [{ answer, did }]
    })
    const ids = yield* trusted(entries.map(({ answer }) => answer.user))
    return entries.map(({ answer, did }): TimelineEntry => ({
      id: answer.id,
      at: answer.created_at,
      user: answer.user.login,
      userTrusted: ids.has(answer.user.id),
      did,
    }))
  })

  return { readReviews, readChecks, dependencies, timeline }
}

/** Limits the responses of one operation together to the size of one: other people decide how many there are. */
const boundedTogether = ({ operation, subject }: Subject, bytesMax: number) => {
  let left = bytesMax
  return <A extends object>(
    read: Effect.Effect<ReadonlyArray<A>, ForgeRequestError>,
  ): Effect.Effect<ReadonlyArray<A>, ForgeRequestError> =>
    Effect.filterOrFail(
      read,
      (all) => {
        for (const one of all) for (const value of Object.values(one)) left -= sizeOf(value)
        return left >= 0
      },
      () =>
        worded(
          { operation, status: 200, reason: "Malformed" },
          `${subject} have more text than can be read here (${bytesMax / 1024 / 1024} MiB)`,
        ),
    )
}

/** The approximate size of the value in a response. */
const sizeOf = (value: unknown): number => (typeof value === "string" ? value.length : 32)

/** When something is missing because its pull request is, the error says so. */
const whatIsMissing =
  (pull: Effect.Effect<unknown, ForgeRequestError>) =>
  <A>(read: Effect.Effect<A, ForgeRequestError>): Effect.Effect<A, ForgeRequestError> =>
    Effect.catchIf(
      read,
      ({ reason }) => reason === "NotFound",
      (missing) => Effect.zipRight(pull, Effect.fail(missing)),
    )
