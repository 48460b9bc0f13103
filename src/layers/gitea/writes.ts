/** Writes of GiteaForge: comments, descriptions and pull requests, each at most once even when responses are lost. */
import { Clock, Effect, Option } from "effect"
import type { ForgeRequestError } from "../../domain/Errors.ts"
import type { ForgeSelf, OpenPr } from "../../services/Forge.ts"
import { CommentAnswer, type IssueAnswer, PullAnswer } from "./answers.ts"
import { decode } from "./http.ts"
import { sendOnce } from "./lostAnswer.ts"
import { collectPages, type GiteaReads } from "./reads.ts"
import { malformed, refused, worded } from "./reasons.ts"

/** Dates have whole seconds, and the clock of the forge's database may differ from that of its web server. */
const CLOCK_MARGIN_MILLIS = 5000

/** The writes to one repository. */
export const makeWrites = (reads: GiteaReads, self: Effect.Effect<ForgeSelf, ForgeRequestError>) => {
  const { http, repoPath } = reads
  /** IDs of comments that earlier calls created: one of them with the same body is not the one whose response was lost. */
  const posted = new Set<number>()

  const postComment = Effect.fn("Forge.postComment")(function* (number: number, body: string) {
    const operation = "postComment"
    const call = { operation, subject: `#${number}`, path: `${repoPath}/issues/${number}/comments` }
    const began = yield* Clock.currentTimeMillis
    const send = reads
      .missingIsNotAFailure(operation, number, http.write({ ...call, method: "POST", body: { body } }))
      .pipe(
        Effect.flatMap((answer) => decode(call, answer, CommentAnswer)),
        Effect.map((comment) => comment.id),
      )
    const look = Effect.gen(function* () {
      const bot = yield* self
      const { comments, serverTime } = yield* reads.comments(operation, number)
      const now = yield* Clock.currentTimeMillis
      const since = Option.getOrElse(serverTime, () => now) - (now - began) - CLOCK_MARGIN_MILLIS
      return Option.fromNullable(
        comments.find(
          (comment) =>
            comment.user.id === bot.id &&
            comment.body === body &&
            Date.parse(comment.created_at) >= since &&
            !posted.has(comment.id),
        )?.id,
      )
    })
    const id = yield* sendOnce(send, look)
    posted.add(id)
    return id
  })

  const updateDescription = Effect.fn("Forge.updateDescription")(function* (number: number, body: string) {
    const operation = "updateDescription"
    const before = yield* reads.issue(operation, number)
    // An unchanged body would still fire a webhook, and could start a loop.
    if (before.body === body) return
    const send = http
      .write({
        operation,
        subject: `#${number}`,
        path: `${repoPath}/issues/${number}`,
        method: "PATCH",
        body: { body, ...versionOf(before) },
      })
      .pipe(Effect.asVoid)
    const look = Effect.flatMap(reads.issue(operation, number), (now) => {
      if (now.body === body) return Effect.succeedSome(undefined)
      return now.body === before.body && now.content_version === before.content_version
        ? Effect.succeedNone
        : Effect.fail(refused({ operation, subject: `#${number}` }, 409))
    })
    yield* sendOnce(send, look)
  })

  const openPr = Effect.fn("Forge.openPr")(function* (pr: OpenPr) {
    const operation = "openPr"
    const repo = yield* reads.repo(operation)
    const base = pr.base ?? repo.default_branch
    const call = {
      operation,
      subject: `a pull request from ${pr.head} to ${base}`,
      path: `${repoPath}/pulls`,
    }

    /** Gitea cannot filter by head, so all open ones are read. The one with the same branches and the bot as author is meant. */
    const own = Effect.gen(function* () {
      const bot = yield* self
      const open = yield* collectPages(
        (page) => reads.page({ ...call, query: { state: "open", page } }, PullAnswer),
        operation,
      )
      return Option.fromNullable(
        open.find(
          (candidate) =>
            candidate.head.ref === pr.head &&
            candidate.head.repo_id === repo.id &&
            candidate.base.ref === base &&
            candidate.user.id === bot.id,
        )?.number,
      )
    })

    const send = http
      .write({ ...call, method: "POST", body: { title: pr.title, body: pr.body, head: pr.head, base } })
      .pipe(
        Effect.flatMap((answer) => decode(call, answer, PullAnswer)),
        Effect.flatMap((answer) =>
          answer.number === null
            ? Effect.fail(malformed(call, 201, "has no number"))
            : Effect.succeed(answer.number),
        ),
        Effect.catchIf(
          (error) => error.reason === "Conflict",
          () =>
            Effect.flatMap(
              own,
              Option.match({ onSome: Effect.succeed, onNone: () => Effect.fail(taken(pr.head, base)) }),
            ),
        ),
        Effect.mapError((error) => branchHint(error, pr.head, base)),
      )
    return yield* sendOnce(send, own)
  })

  return { postComment, updateDescription, openPr }
}

/** Since 1.26 Gitea refuses to edit an outdated version. */
const versionOf = (issue: IssueAnswer) =>
  issue.content_version === null ? {} : { content_version: issue.content_version }

const taken = (head: string, base: string): ForgeRequestError =>
  worded(
    { operation: "openPr", status: 409, reason: "Conflict" },
    `there is an open pull request from ${head} to ${base} already, opened by another user: push to another branch`,
  )

/** A branch that does not exist on the forge is the usual cause of these two. */
const branchHint = (error: ForgeRequestError, head: string, base: string): ForgeRequestError => {
  if (error.reason === "NotFound")
    return worded(
      error,
      `the forge has no branch ${head} or no branch ${base}: push the branch first, and name a base that exists`,
    )
  if (error.reason === "Invalid")
    return worded(
      error,
      `no pull request can be made from ${head} to ${base}: they must be two different branches`,
    )
  return error
}
