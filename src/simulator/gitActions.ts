/** Git actions in a simulated Gitea: pushes, and statuses of commits. */
import { show } from "./actions.ts"
import type { GiteaState, SimIssue, SimRepo, SimStatus, SimStatusState } from "./state.ts"

/** Git's ID of a nonexistent commit. */
export const NO_COMMIT = "0".repeat(40)

/** A commit to be pushed. */
export interface Pushed {
  /** Generated unless given. */
  readonly sha?: string
  readonly message?: string
  /** The added paths. */
  readonly added?: ReadonlyArray<string>
}

/** Somebody pushes a commit to a branch. Its open pull requests move, and their reviews become stale. */
export const push = (
  state: GiteaState,
  repo: SimRepo,
  actorId: number,
  branch: string,
  pushed: Pushed = {},
): string => {
  const isNew = !repo.branches.has(branch)
  const before = isNew ? NO_COMMIT : state.headOf(repo, branch)
  const { sha = state.newCommit(), message = "Work\n", added = ["work.md"] } = pushed
  repo.branches.add(branch)
  repo.heads.set(branch, sha)
  repo.commits.set(sha, { sha, message, authorId: actorId, at: state.now(), added })
  if (isNew) state.tell({ kind: "create", repo, branch, actorId })
  state.tell({ kind: "push", repo, branch, before, after: sha, actorId })
  for (const issue of pullsOf(state, repo, branch)) {
    for (const review of issue.pull?.reviews ?? []) review.stale = true
    show(state, issue, actorId, { type: "pull_push" })
    state.tell({ kind: "issue", action: "synchronized", issue, actorId })
  }
  return sha
}

const pullsOf = (state: GiteaState, repo: SimRepo, branch: string): ReadonlyArray<SimIssue> =>
  state.repos
    .flatMap(({ issues }) => [...issues.values()])
    .filter(
      (issue) => issue.state === "open" && issue.pull?.head === branch && issue.pull.headRepoId === repo.id,
    )

/** Somebody deletes a branch. */
export const deleteBranch = (state: GiteaState, repo: SimRepo, actorId: number, branch: string): void => {
  if (!repo.branches.delete(branch)) return
  for (const issue of pullsOf(state, repo, branch)) show(state, issue, actorId, { type: "delete_branch" })
  state.tell({ kind: "delete", repo, branch, actorId })
}

/** A check's result. */
export interface Checked {
  readonly state: SimStatusState
  /** `default` unless given. */
  readonly context?: string
  readonly description?: string
  readonly targetUrl?: string
}

/** A check reports the result of a commit. No issue's time changes. */
export const setStatus = (
  state: GiteaState,
  repo: SimRepo,
  creatorId: number,
  sha: string,
  checked: Checked,
): SimStatus => {
  const { context = "default", description = "", targetUrl = "" } = checked
  const status: SimStatus = {
    id: state.nextId(),
    state: checked.state,
    context,
    description,
    targetUrl,
    creatorId,
    createdAt: state.now(),
  }
  repo.statuses.set(sha, [...(repo.statuses.get(sha) ?? []), status])
  state.tell({ kind: "status", repo, sha, status })
  return status
}
