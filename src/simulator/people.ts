/** Actions of a person in a simulated Gitea, for tests. */
import { Effect } from "effect"
import * as actions from "./actions.ts"
import * as gitActions from "./gitActions.ts"
import type { Checked, Pushed } from "./gitActions.ts"
import type { GitServer } from "./gitServer.ts"
import * as reviewActions from "./reviewActions.ts"
import type { ReviewSeed } from "./reviewActions.ts"
import type { SeedIssue, SeedPull } from "./seed.ts"
import type { GiteaState, SimComment, SimIssue, SimRepo, SimReview } from "./state.ts"

/** A repository. */
export interface RepoPlace {
  readonly owner: string
  readonly repo: string
}

/** An issue or a pull request. */
export interface IssuePlace extends RepoPlace {
  readonly number: number
}

/**
 * A person whose actions are reported to hooks. Permissions are not checked. Naming something that does not exist is a defect of the
 * test.
 */
export interface Person {
  /** Returns the issue's number. */
  readonly openIssue: (at: RepoPlace, issue: Omit<SeedIssue, "author" | "comments">) => Effect.Effect<number>
  /** Returns the pull request's number. Its head exists afterwards. */
  readonly openPull: (at: RepoPlace, pull: Omit<SeedPull, "author" | "comments">) => Effect.Effect<number>
  /** Returns the comment's ID. Closing keywords in it have the same effect as on Gitea. */
  readonly comment: (on: IssuePlace, body: string) => Effect.Effect<number>
  readonly editComment: (on: IssuePlace, commentId: number, body: string) => Effect.Effect<void>
  readonly deleteComment: (on: IssuePlace, commentId: number) => Effect.Effect<void>
  /** Reacts to the issue itself, or to a comment on it: `eyes`, `confused`, ... */
  readonly react: (on: IssuePlace, content: string, commentId?: number) => Effect.Effect<void>
  readonly editTitle: (issue: IssuePlace, title: string) => Effect.Effect<void>
  readonly editBody: (issue: IssuePlace, body: string) => Effect.Effect<void>
  readonly close: (issue: IssuePlace) => Effect.Effect<void>
  readonly reopen: (issue: IssuePlace) => Effect.Effect<void>
  readonly lock: (issue: IssuePlace) => Effect.Effect<void>
  readonly unlock: (issue: IssuePlace) => Effect.Effect<void>
  readonly label: (issue: IssuePlace, name: string) => Effect.Effect<void>
  readonly unlabel: (issue: IssuePlace, name: string) => Effect.Effect<void>
  readonly assign: (issue: IssuePlace, login: string) => Effect.Effect<void>
  readonly unassign: (issue: IssuePlace, login: string) => Effect.Effect<void>
  /** Makes the first depend on the second. */
  readonly depend: (issue: IssuePlace, on: IssuePlace) => Effect.Effect<void>
  readonly undepend: (issue: IssuePlace, on: IssuePlace) => Effect.Effect<void>
  /** Returns the review's ID. */
  readonly review: (pull: IssuePlace, review: ReviewSeed) => Effect.Effect<number>
  readonly askForReview: (pull: IssuePlace, login: string) => Effect.Effect<number>
  readonly dismiss: (pull: IssuePlace, reviewId: number, message: string) => Effect.Effect<void>
  /** Returns the commit's ID. A new branch is created; pull requests from it move. */
  readonly push: (at: RepoPlace, branch: string, commit?: Pushed) => Effect.Effect<string>
  readonly deleteBranch: (at: RepoPlace, branch: string) => Effect.Effect<void>
  /** Reports a check's result for the pull request's head. */
  readonly check: (pull: IssuePlace, status: Checked) => Effect.Effect<void>
  /** Merges an open pull request and closes the issues that it says it closes. */
  readonly merge: (pull: IssuePlace) => Effect.Effect<void>
  /** The same, and moves the base branch to the head in the real repository. Both must be in that repository. */
  readonly mergeIn: (repositories: GitServer, pull: IssuePlace) => Effect.Effect<void>
}

/** The person with that login. */
export const personOf = (state: GiteaState, login: string): Person => {
  const me = () => state.ensureUser(login).id
  const inRepo =
    <Rest extends ReadonlyArray<unknown>, A>(act: (repo: SimRepo, ...rest: Rest) => A) =>
    ({ owner, repo }: RepoPlace, ...rest: Rest): Effect.Effect<A> =>
      Effect.suspend(() => {
        const found = state.repo(owner, repo)
        return found === undefined ? absent(`${owner}/${repo}`) : Effect.sync(() => act(found, ...rest))
      })
  const issueAt = ({ owner, repo, number }: IssuePlace): Effect.Effect<SimIssue> =>
    Effect.suspend(() => {
      const found = state.issue(owner, repo, number)
      return found === undefined ? absent(`${owner}/${repo}#${number}`) : Effect.succeed(found)
    })
  const on =
    <Rest extends ReadonlyArray<unknown>, A>(act: (issue: SimIssue, ...rest: Rest) => A) =>
    (place: IssuePlace, ...rest: Rest): Effect.Effect<A> =>
      Effect.map(issueAt(place), (issue) => act(issue, ...rest))
  const onComment =
    <Rest extends ReadonlyArray<unknown>>(
      act: (issue: SimIssue, comment: SimComment, ...rest: Rest) => void,
    ) =>
    (place: IssuePlace, id: number, ...rest: Rest): Effect.Effect<void> =>
      Effect.flatMap(issueAt(place), (issue) => {
        const comment = issue.comments.find((one) => one.id === id)
        return comment === undefined
          ? absent(`comment ${id}`)
          : Effect.sync(() => act(issue, comment, ...rest))
      })
  const idOf = (review: SimReview | undefined): Effect.Effect<number> =>
    review === undefined ? absent("pull request of that number") : Effect.succeed(review.id)
  const merge = on((pull) => actions.merge(state, pull, me()))
  const depends = (isOn: boolean) => (place: IssuePlace, other: IssuePlace) =>
    Effect.zipWith(issueAt(place), issueAt(other), (issue, dependency) =>
      actions.setDependency(state, issue, me(), dependency, isOn),
    )
  return {
    openIssue: inRepo(
      (repo, issue: Omit<SeedIssue, "author" | "comments">) =>
        actions.openIssue(state, repo, { ...issue, author: login }).number,
    ),
    openPull: inRepo(
      (repo, pull: Omit<SeedPull, "author" | "comments">) =>
        actions.openPull(state, repo, { ...pull, author: login }).number,
    ),
    comment: on((issue, body: string) => actions.comment(state, issue, me(), body).id),
    editComment: onComment((issue, comment, body: string) =>
      actions.editComment(state, issue, me(), comment, body),
    ),
    deleteComment: onComment((issue, comment) => actions.deleteComment(state, issue, me(), comment)),
    react: (place, content, commentId) =>
      commentId === undefined
        ? on((issue) => void actions.react(state, issue, me(), content))(place)
        : onComment((_, comment) => void actions.react(state, comment, me(), content))(place, commentId),
    editTitle: on((issue, title: string) => actions.editTitle(state, issue, me(), title)),
    editBody: on((issue, body: string) => actions.editBody(state, issue, me(), body)),
    close: on((issue) => actions.setState(state, issue, "closed", me())),
    reopen: on((issue) => actions.setState(state, issue, "open", me())),
    lock: on((issue) => actions.setLocked(state, issue, me(), true)),
    unlock: on((issue) => actions.setLocked(state, issue, me(), false)),
    label: on((issue, name: string) => actions.setLabel(state, issue, me(), name, true)),
    unlabel: on((issue, name: string) => actions.setLabel(state, issue, me(), name, false)),
    assign: on((issue, who: string) => actions.setAssignee(state, issue, me(), who, true)),
    unassign: on((issue, who: string) => actions.setAssignee(state, issue, me(), who, false)),
    depend: depends(true),
    undepend: depends(false),
    review: (place, seed) =>
      Effect.flatMap(issueAt(place), (issue) => idOf(reviewActions.submit(state, issue, me(), seed))),
    askForReview: (place, who) =>
      Effect.flatMap(issueAt(place), (issue) => idOf(reviewActions.ask(state, issue, me(), who))),
    dismiss: (place, id, message) =>
      Effect.flatMap(issueAt(place), (issue) => {
        const review = issue.pull?.reviews.find((one) => one.id === id)
        return review === undefined
          ? absent(`review ${id}`)
          : Effect.sync(() => reviewActions.dismiss(state, issue, me(), review, message))
      }),
    push: inRepo((repo, branch: string, commit?: Pushed) =>
      gitActions.push(state, repo, me(), branch, commit),
    ),
    deleteBranch: inRepo((repo, branch: string) => gitActions.deleteBranch(state, repo, me(), branch)),
    check: (place, checked) =>
      Effect.flatMap(issueAt(place), ({ pull, repo }) =>
        pull === undefined
          ? absent("pull request of that number")
          : Effect.sync(
              () => void gitActions.setStatus(state, repo, me(), state.headOf(repo, pull.head), checked),
            ),
      ),
    merge,
    mergeIn: (repositories, place) =>
      Effect.gen(function* () {
        const issue = yield* issueAt(place)
        if (issue.pull === undefined) return yield* absent("pull request of that number")
        const refs = [`refs/heads/${issue.pull.base}`, `refs/heads/${issue.pull.head}`]
        yield* repositories.ask(place.owner, place.repo, ["update-ref", ...refs])
        const head = yield* repositories.ask(place.owner, place.repo, ["rev-parse", refs[1] ?? ""])
        actions.merge(state, issue, me(), head)
      }),
  }
}

const absent = (what: string): Effect.Effect<never> => Effect.dieMessage(`the simulated Gitea has no ${what}`)
