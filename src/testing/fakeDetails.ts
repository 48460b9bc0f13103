/** FakeForge's reads of reviews, checks, dependencies and timelines. */
import type {
  Attachment,
  Checks,
  CheckState,
  Dependencies,
  IssuePage,
  IssueQuery,
  PullRequestDetails,
  Review,
  TimelineEntry,
} from "../domain/ForgeDetails.ts"
import type { Issue, PullRequest } from "../domain/Forge.ts"
import { latestOf } from "../simulator/reviewShapes.ts"
import {
  fold,
  type GiteaState,
  mayWrite,
  type SimEvent,
  type SimIssue,
  type SimPull,
  type SimRepo,
  type SimUser,
} from "../simulator/state.ts"

/** The user who reads, and whom they trust. */
export interface Viewer {
  readonly state: GiteaState
  readonly self: SimUser
  readonly isTrusted: (id: number) => boolean
}

const loginOf = ({ state }: Viewer, id: number): string => state.userById(id)?.login ?? ""

const headOf = ({ state }: Viewer, { repo }: SimIssue, pull: SimPull): string =>
  state.headOf(state.repoById(pull.headRepoId) ?? repo, pull.head)

/** With everything that decides whether a pull request can be merged. */
export const prDetails = (
  viewer: Viewer,
  issue: SimIssue,
  pull: SimPull,
  pr: PullRequest,
): PullRequestDetails => ({
  ...pr,
  headSha: headOf(viewer, issue, pull),
  baseSha: viewer.state.headOf(issue.repo, pull.base),
  mergeable: pull.merging === "clean" && !pr.draft,
  overAt: issue.state === "closed" ? (pull.mergedAt ?? issue.closedAt ?? "") : "",
})

const VERDICTS = { APPROVED: "approved", REQUEST_CHANGES: "rejected", COMMENT: "comment" } as const

/** Submitted reviews. */
export const reviewsOf = (viewer: Viewer, pull: SimPull): ReadonlyArray<Review> =>
  pull.reviews.flatMap((review) => {
    if (review.state === "PENDING" || review.state === "REQUEST_REVIEW") return []
    const { id, authorId, state, body, dismissed, createdAt, updatedAt, lines } = review
    return [
      {
        id,
        user: loginOf(viewer, authorId),
        authorTrusted: viewer.isTrusted(authorId),
        state: VERDICTS[state],
        body,
        dismissed,
        submittedAt: createdAt,
        updatedAt,
        lines: lines.map((line) => ({
          id: line.id,
          user: loginOf(viewer, line.authorId),
          authorTrusted: viewer.isTrusted(line.authorId),
          path: line.path,
          line: line.line,
          side: line.side,
          hunk: line.hunk,
          body: line.body,
          createdAt: line.createdAt,
          updatedAt: line.createdAt,
        })),
      },
    ]
  })

/** The newest result of each check of the head. */
export const checksOf = (viewer: Viewer, issue: SimIssue, pull: SimPull): Checks => {
  const head = headOf(viewer, issue, pull)
  return {
    head,
    checks: latestOf(issue.repo, head).map(({ context, state, description, targetUrl }) => ({
      name: context,
      state: state satisfies CheckState,
      description,
      link: targetUrl,
    })),
  }
}

/** The attachments of an issue and of its comments. */
export const attachmentsOf = (
  viewer: Viewer,
  issue: SimIssue,
): ReadonlyArray<{ readonly attachment: Attachment; readonly content: Uint8Array }> =>
  [{ comment: null, on: issue }, ...issue.comments.map((on) => ({ comment: on.id, on }))].flatMap(
    ({ comment, on: { authorId, attachments = [] } }) =>
      attachments.map(({ id, uuid, name, size, content, link, createdAt }) => ({
        content,
        attachment: {
          id,
          name,
          size: size ?? content.length,
          createdAt,
          link: link ?? `http://git.example/attachments/${uuid}`,
          comment,
          user: loginOf(viewer, authorId),
          authorTrusted: viewer.isTrusted(authorId),
        },
      })),
  )

const PAGE_SIZE = 50

/** A page of the matching issues. */
export const issuesOf = (
  { issues }: SimRepo,
  toIssue: (issue: SimIssue) => Issue,
  { state, labels, text, page }: IssueQuery,
): IssuePage => {
  const found = [...issues.values()]
    .filter(
      (issue) =>
        issue.pull === undefined &&
        (state === "all" || issue.state === state) &&
        fold(`${issue.title}\n${issue.body}`).includes(fold(text)) &&
        labels.every((label) => issue.labels.some((one) => fold(one) === fold(label))),
    )
    .sort((a, b) => b.number - a.number)
    .slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE)
  const withoutBody = (issue: SimIssue) => {
    const { body: _, ...rest } = toIssue(issue)
    return rest
  }
  return { issues: found.map(withoutBody), more: found.length > 0 }
}

/** The open ones that the viewer may see. Somebody with write permission gets all. */
export const dependenciesOf = ({ state, self }: Viewer, issue: SimIssue): Dependencies => {
  const isShown = ({ repo }: SimIssue) =>
    mayWrite(state.permission(issue.repo, self)) || state.permission(repo, self) !== "none"
  const all = [...issue.dependencies]
  return {
    open: all
      .filter((it) => isShown(it) && it.state === "open")
      .map(({ repo, number }) => ({ owner: repo.owner, repo: repo.name, number })),
    hidden: !all.every(isShown),
  }
}

/** The timeline, oldest first. */
export const timelineOf = (viewer: Viewer, issue: SimIssue): ReadonlyArray<TimelineEntry> =>
  issue.events.flatMap((event) => {
    const did = didOf(event)
    if (did === undefined) return []
    const { id, actorId, createdAt: at } = event
    return [{ id, at, user: loginOf(viewer, actorId), userTrusted: viewer.isTrusted(actorId), did }]
  })

const didOf = ({
  type,
  label = "",
  assignee = "",
  removed,
  titles,
}: SimEvent): TimelineEntry["did"] | undefined => {
  switch (type) {
    case "label":
      return { kind: removed ? "unlabelled" : "labelled", label }
    case "assignees":
      return { kind: removed ? "unassigned" : "assigned", assignee }
    case "change_title":
      return { kind: "retitled", from: titles?.old ?? "", to: titles?.new ?? "" }
    case "close":
      return { kind: "closed" }
    case "reopen":
      return { kind: "reopened" }
    case "merge_pull":
      return { kind: "merged" }
    case "pull_push":
      return { kind: "pushed" }
    default:
      return undefined
  }
}
