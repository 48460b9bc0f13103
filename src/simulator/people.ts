/** What a person does on a simulated Gitea, as a test plays them. */
import { Effect } from "effect"
import * as actions from "./actions.ts"
import type { GitServer } from "./gitServer.ts"
import type { GiteaState, SimIssue } from "./state.ts"

/** An issue or a pull request. */
export interface IssuePlace {
  readonly owner: string
  readonly repo: string
  readonly number: number
}

/** A person at work. Permissions are not asked; naming an issue that is not there is a defect of the test. */
export interface Person {
  /** The comment's id. Closing keywords in it count as Gitea lets them. */
  readonly comment: (on: IssuePlace, body: string) => Effect.Effect<number>
  readonly close: (issue: IssuePlace) => Effect.Effect<void>
  readonly reopen: (issue: IssuePlace) => Effect.Effect<void>
  readonly label: (issue: IssuePlace, name: string) => Effect.Effect<void>
  readonly unlabel: (issue: IssuePlace, name: string) => Effect.Effect<void>
  readonly assign: (issue: IssuePlace, login: string) => Effect.Effect<void>
  readonly unassign: (issue: IssuePlace, login: string) => Effect.Effect<void>
  /** Merges an open pull request and closes what it says it closes. */
  readonly merge: (pull: IssuePlace) => Effect.Effect<void>
  /** The same; in the real repository the base branch goes to where the head is. Both must be of that repository. */
  readonly mergeIn: (repositories: GitServer, pull: IssuePlace) => Effect.Effect<void>
}

/** The person of that login. */
export const personOf = (state: GiteaState, login: string): Person => {
  const on =
    <Rest extends ReadonlyArray<string>, A>(act: (issue: SimIssue, actorId: number, ...rest: Rest) => A) =>
    ({ owner, repo, number }: IssuePlace, ...rest: Rest): Effect.Effect<A> =>
      Effect.suspend(() => {
        const issue = state.issue(owner, repo, number)
        return issue === undefined
          ? Effect.dieMessage(`the simulated Gitea has no ${owner}/${repo}#${number}`)
          : Effect.succeed(act(issue, state.ensureUser(login).id, ...rest))
      })
  const merge = on((pull, actorId) => actions.merge(state, pull, actorId))
  return {
    comment: on((issue, actorId, body: string) => actions.comment(state, issue, actorId, body).id),
    close: on((issue, actorId) => actions.setState(state, issue, "closed", actorId)),
    reopen: on((issue, actorId) => actions.setState(state, issue, "open", actorId)),
    label: on((issue, actorId, name: string) => actions.setLabel(state, issue, actorId, name, true)),
    unlabel: on((issue, actorId, name: string) => actions.setLabel(state, issue, actorId, name, false)),
    assign: on((issue, actorId, who: string) => actions.setAssignee(state, issue, actorId, who, true)),
    unassign: on((issue, actorId, who: string) => actions.setAssignee(state, issue, actorId, who, false)),
    merge,
    mergeIn: (repositories, pull) =>
      Effect.gen(function* () {
        const { pull: branches } = yield* on((issue) => issue)(pull)
        if (branches === undefined) {
          return yield* Effect.dieMessage(`${pull.owner}/${pull.repo}#${pull.number} is no pull request`)
        }
        const refs = [`refs/heads/${branches.base}`, `refs/heads/${branches.head}`]
        yield* repositories.ask(pull.owner, pull.repo, ["update-ref", ...refs])
        yield* merge(pull)
      }),
  }
}
