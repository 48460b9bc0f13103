/** Reads of GiteaForge: issues, comments, pages of lists, and the pull request that closes an issue. */
import { Chunk, Effect, Option, type Schema, Stream } from "effect"
import { ForgeRequestError } from "../../domain/Errors.ts"
import {
  BranchAnswer,
  CommentsAnswer,
  IssueAnswer,
  isPr,
  page,
  PullAnswer,
  RepoAnswer,
  TimelineAnswer,
  toIssue,
  toPullRequest,
  toPullRequestDetails,
} from "./answers.ts"
import type { PullRequest } from "../../domain/Forge.ts"
import type { IssueQuery } from "../../domain/ForgeDetails.ts"
import type { GiteaForgeConfig } from "./GiteaForgeConfig.ts"
import { decode, type GiteaCall, type GiteaHttp, type Guard } from "./http.ts"
import { refused, worded } from "./reasons.ts"

/** Gitea's largest page; a larger request is silently reduced to it. */
const PAGE_SIZE = 50
/** 10,000 entries: more than that means that something is wrong. */
const MAX_PAGES = 200

/** The reads of one repository. */
export type GiteaReads = ReturnType<typeof makeReads>

/** The reads of one repository. */
export const makeReads = (http: GiteaHttp, config: GiteaForgeConfig) => {
  const repoPath = `repos/${encodeURIComponent(config.owner)}/${encodeURIComponent(config.repo)}`

  const repo = (operation: string) =>
    http.read(
      { operation, subject: `the repository ${config.owner}/${config.repo}`, path: repoPath },
      RepoAnswer,
    )

  const issueCall = (operation: string, number: number) => ({
    operation,
    subject: `#${number}`,
    path: `${repoPath}/issues/${number}`,
  })

  /** An issue or a pull request: they share their numbers. */
  const issue = (operation: string, number: number) => http.read(issueCall(operation, number), IssueAnswer)

  /** Gitea returns 500 for comments and timeline of an issue that does not exist, so the issue itself is checked. */
  const missingIsNotAFailure = <A>(
    operation: string,
    number: number,
    attempt: Effect.Effect<A, ForgeRequestError>,
  ) =>
    Effect.catchIf(
      attempt,
      (error) => error.reason === "ServerError",
      (error) =>
        Effect.flatMap(Effect.option(http.askOnce(issueCall(operation, number))), (answer) =>
          Option.exists(answer, ({ status }) => status === 404)
            ? refused(issueCall(operation, number), 404)
            : error,
        ),
    )

  const comments = Effect.fnUntraced(function* (operation: string, number: number) {
    const call = { operation, subject: `#${number}`, path: `${repoPath}/issues/${number}/comments` }
    const answer = yield* http.readAnswer(call, (attempt) => missingIsNotAFailure(operation, number, attempt))
    return { comments: yield* decode(call, answer, CommentsAnswer), serverTime: answer.serverTime }
  })

  /** `page` and `limit` are always sent together: older Gitea versions ignore one without the other. */
  const readPage = <A, I>(call: GiteaCall, schema: Schema.Schema<A, I>, guard?: Guard) =>
    Effect.flatMap(
      http.readAnswer({ ...call, query: { ...call.query, limit: PAGE_SIZE } }, guard),
      (answer) => decode(call, answer, page(schema)),
    )

  const readIssue = Effect.fn("Forge.readIssue")(function* (number: number) {
    const answer = yield* issue("readIssue", number)
    if (isPr(answer))
      return yield* wrongKind("readIssue", `#${number} is a pull request, not an issue: read it as one`)
    return toIssue(answer, number)
  })

  const pull = (operation: string, number: number) =>
    Effect.catchIf(
      http.read({ operation, subject: `#${number}`, path: `${repoPath}/pulls/${number}` }, PullAnswer),
      (error) => error.reason === "NotFound",
      (missing) =>
        Effect.flatMap(Effect.option(issue(operation, number)), (found) =>
          Option.exists(found, (it) => !isPr(it))
            ? wrongKind(operation, `#${number} is an issue, not a pull request: read it as one`)
            : missing,
        ),
    )

  const readPr = Effect.fn("Forge.readPr")(function* (number: number) {
    return toPullRequest(yield* pull("readPr", number), number)
  })

  const readPrDetails = Effect.fn("Forge.readPrDetails")(function* (number: number) {
    return toPullRequestDetails(yield* pull("readPrDetails", number), number)
  })

  const isGuardedBranch = Effect.fn("Forge.isGuardedBranch")(function* (name: string) {
    const operation = "isGuardedBranch"
    const path = `${repoPath}/branches/${name.split("/").map(encodeURIComponent).join("/")}`
    const { default_branch } = yield* repo(operation)
    const branch = yield* http.read({ operation, subject: `the branch ${name}`, path }, BranchAnswer)
    return name === default_branch || branch.protected
  })

  const isPrOpen = Effect.fn("Forge.isPrOpen")(function* (number: number) {
    return toPullRequest(yield* pull("isPrOpen", number), number).state === "open"
  })

  const openPrs = Effect.gen(function* () {
    const operation = "openPrs"
    const call = {
      operation,
      subject: `the pull requests of ${config.owner}/${config.repo}`,
      path: `${repoPath}/pulls`,
    }
    const found = yield* collectPages(
      (page) => readPage({ ...call, query: { state: "open", page } }, PullAnswer),
      operation,
    )
    return found.filter(({ number }) => number !== null).map(toOpenPr)
  }).pipe(Effect.withSpan("Forge.openPrs"))

  const timeline = (operation: string, number: number) => {
    const call = { operation, subject: `#${number}`, path: `${repoPath}/issues/${number}/timeline` }
    return collectPages(
      (page) =>
        readPage({ ...call, query: { page } }, TimelineAnswer, (attempt) =>
          missingIsNotAFailure(operation, number, attempt),
        ),
      operation,
    )
  }

  const getPrForIssue = Effect.fn("Forge.getPrForIssue")(function* (number: number) {
    const operation = "getPrForIssue"
    const asked = yield* issue(operation, number)
    if (isPr(asked)) return Option.some(number)
    return linkedPr(yield* timeline(operation, number), asked.repository, config)
  })

  const listIssues = Effect.fn("Forge.listIssues")(function* (query: IssueQuery) {
    const { state, labels, text, page } = query
    const found = yield* readPage(
      {
        operation: "listIssues",
        subject: `the issues of ${config.owner}/${config.repo}`,
        path: `${repoPath}/issues`,
        query: {
          type: "issues",
          state,
          page,
          ...(text !== "" && { q: text }),
          ...(labels.length > 0 && { labels: labels.join(",") }),
        },
      },
      IssueAnswer,
    )
    // A label that the repository does not have is silently dropped from the filter.
    const fits = (it: IssueAnswer) =>
      !isPr(it) &&
      it.number !== null &&
      labels.every((label) => it.labels.some(({ name }) => name.toLowerCase() === label.toLowerCase()))
    const issues = found.filter(fits).map((it) => {
      const { body: _, ...rest } = toIssue(it, 0)
      return rest
    })
    // A short page may not be the last one: hidden entries are removed after counting.
    return { issues, more: found.length > 0 }
  })

  const targetedIssues = (since: string, isTargeted: (labels: ReadonlyArray<string>) => boolean) =>
    Stream.paginateChunkEffect(1, (page) =>
      Effect.map(
        readPage(
          {
            operation: "targetedIssues",
            subject: `the issues of ${config.owner}/${config.repo}`,
            path: `${repoPath}/issues`,
            query: { type: "issues", state: "open", page, ...(since === "" ? {} : { since: inUtc(since) }) },
          },
          IssueAnswer,
        ),
        (issues) => [
          // The forge silently drops a filter with unknown labels, so the result is filtered again here.
          Chunk.fromIterable(
            issues.filter((it) => !isPr(it) && it.number !== null).map((it) => toIssue(it, 0)),
          ).pipe(Chunk.filter((it) => isTargeted(it.labels))),
          issues.length > 0 && page < MAX_PAGES ? Option.some(page + 1) : Option.none(),
        ],
      ),
    )

  return {
    http,
    repoPath,
    repo,
    issue,
    comments,
    missingIsNotAFailure,
    page: readPage,
    pageSize: PAGE_SIZE,
    pull,
    timeline,
    readIssue,
    readPr,
    readPrDetails,
    isPrOpen,
    isGuardedBranch,
    openPrs,
    getPrForIssue,
    targetedIssues,
    listIssues,
  }
}

/**
 * All elements of a list. A short page may not be the last one, since Gitea removes hidden elements after counting. For the same reason
 * one empty page may be followed by more, but two may not.
 */
export const collectPages = Effect.fnUntraced(function* <A>(
  read: (page: number) => Effect.Effect<ReadonlyArray<A>, ForgeRequestError>,
  operation: string,
) {
  const all: Array<A> = []
  let empty = 0
  for (let page = 1; page <= MAX_PAGES; page++) {
    const elements = yield* read(page)
    all.push(...elements)
    empty = elements.length === 0 ? empty + 1 : 0
    if (empty === 2) return all
  }
  return yield* endless(operation)
})

/** The same for a list that only some versions of Gitea page: it ends with a page that contains nothing new. */
export const collectNew = Effect.fnUntraced(function* <A>(
  read: (page: number) => Effect.Effect<ReadonlyArray<A>, ForgeRequestError>,
  keyOf: (element: A) => string,
  operation: string,
) {
  const all = new Map<string, A>()
  for (let page = 1; page <= MAX_PAGES; page++) {
    const fresh = (yield* read(page)).filter((element) => !all.has(keyOf(element)))
    for (const element of fresh) all.set(keyOf(element), element)
    if (fresh.length === 0) return [...all.values()]
  }
  return yield* endless(operation)
})

const endless = (operation: string): ForgeRequestError =>
  new ForgeRequestError({
    operation,
    status: 200,
    reason: "Malformed",
    detail: `the forge's list does not end within ${MAX_PAGES} pages: check the proxy in front of the forge`,
  })

/** The pull request of the same repository that says it closes the issue: open before closed, newest first. */
const linkedPr = (
  timeline: ReadonlyArray<TimelineAnswer>,
  repository: IssueAnswer["repository"],
  config: GiteaForgeConfig,
): Option.Option<number> => {
  const fullName = (repository.full_name || `${config.owner}/${config.repo}`).toLowerCase()
  const closing = new Map<number, IssueAnswer>()
  for (const { ref_action, ref_issue } of timeline) {
    // "neutered" is a reference that was edited away, "none" a mere mention.
    if (ref_action !== "closes" || ref_issue === null || ref_issue.number === null || !isPr(ref_issue))
      continue
    if (ref_issue.repository.full_name.toLowerCase() !== fullName) continue
    closing.set(ref_issue.number, ref_issue)
  }
  const byPreference = [...closing].sort(
    ([a, first], [b, second]) =>
      Number(first.state === "closed") - Number(second.state === "closed") || b - a,
  )
  return Option.map(Option.fromNullable(byPreference[0]), ([number]) => number)
}

/** For a deleted branch `ref` is a ref of the forge's own, while `label` is still its name: it may be pushed again. */
const toOpenPr = (answer: PullAnswer): PullRequest => {
  const pr = toPullRequest(answer, 0)
  return pr.head.startsWith("refs/") && answer.head.label !== "" ? { ...pr, head: answer.head.label } : pr
}

const wrongKind = (operation: string, text: string): ForgeRequestError =>
  worded({ operation, status: 404, reason: "NotFound" }, text)

/** A "+" of an offset would be read as a space; "Z" is safe. */
const inUtc = (time: string): string => (Number.isNaN(Date.parse(time)) ? time : new Date(time).toISOString())
