/** Actions of people in a simulated Gitea: open, comment, edit, label, assign, close. */
import type { IssueAction } from "./happenings.ts"
import { refer } from "./references.ts"
import type { SeedIssue, SeedPull } from "./seed.ts"
import type { GiteaState, SimComment, SimEvent, SimIssue, SimKey, SimReaction, SimRepo } from "./state.ts"

/** Finds mentions of other issues in the seed's texts. */
export const readSeededTexts = (state: GiteaState): void => {
  for (const repo of state.repos) {
    for (const issue of repo.issues.values()) {
      refer(state, issue, issue.authorId, `${issue.title}\n${issue.body}`)
      for (const comment of issue.comments) refer(state, issue, comment.authorId, comment.body, comment)
    }
  }
}

/** Somebody comments on an issue or a PR. */
export const comment = (state: GiteaState, issue: SimIssue, authorId: number, body: string): SimComment => {
  const at = state.now()
  const made: SimComment = { id: state.nextId(), authorId, body, createdAt: at, updatedAt: at }
  issue.comments.push(made)
  issue.updatedAt = at
  refer(state, issue, authorId, body, made)
  state.tell({ kind: "comment", action: "created", issue, comment: made, actorId: authorId })
  return made
}

/** Somebody edits a comment. No sweep sees that: the time of the issue stays. The same text is no change. */
export const editComment = (
  state: GiteaState,
  issue: SimIssue,
  editorId: number,
  comment: SimComment,
  body: string,
): void => {
  const from = comment.body
  if (from === body) return
  comment.body = body
  comment.updatedAt = state.now()
  refer(state, issue, comment.authorId, body, comment)
  const changes = { body: { from } }
  state.tell({ kind: "comment", action: "edited", issue, comment, actorId: editorId, changes })
}

/** Somebody deletes a comment; the time of the issue stays. */
export const deleteComment = (
  state: GiteaState,
  issue: SimIssue,
  actorId: number,
  comment: SimComment,
): void => {
  issue.comments.splice(issue.comments.indexOf(comment), 1)
  refer(state, issue, comment.authorId, "", comment)
  state.tell({ kind: "comment", action: "deleted", issue, comment, actorId })
}

/** Somebody edits the description. The version only counts real changes; webhooks report every edit. */
export const editBody = (state: GiteaState, issue: SimIssue, editorId: number, body: string): void => {
  const from = issue.body
  if (from !== body) issue.contentVersion += 1
  issue.body = body
  issue.updatedAt = state.now()
  refer(state, issue, editorId, `${issue.title}\n${body}`)
  const changes = { body: { from } }
  state.tell({ kind: "issue", action: "edited", issue, actorId: editorId, changes })
}

/** Somebody changes the title. */
export const editTitle = (state: GiteaState, issue: SimIssue, editorId: number, title: string): void => {
  const from = issue.title
  if (from === title) return
  issue.title = title
  show(state, issue, editorId, { type: "change_title", titles: { old: from, new: title } })
  refer(state, issue, editorId, `${title}\n${issue.body}`)
  const changes = { title: { from } }
  state.tell({ kind: "issue", action: "edited", issue, actorId: editorId, changes })
}

/** Somebody opens an issue. Its events have the real order: assigned, opened, labelled. */
export const openIssue = (state: GiteaState, repo: SimRepo, seed: SeedIssue): SimIssue => {
  const { labels = [], assignees = [], ...plain } = seed
  const issue = state.addIssue(repo, plain)
  const actorId = issue.authorId
  refer(state, issue, actorId, `${issue.title}\n${issue.body}`)
  issue.labels = [...labels]
  for (const login of assignees) setAssignee(state, issue, actorId, login, true)
  state.tell({ kind: "issue", action: "opened", issue, actorId })
  issue.labels = []
  for (const label of labels) setLabel(state, issue, actorId, label, true)
  return issue
}

/** Somebody opens a pull request. */
export const openPull = (state: GiteaState, repo: SimRepo, pull: SeedPull): SimIssue => {
  const made = state.addPull(repo, pull)
  refer(state, made, made.authorId, `${made.title}\n${made.body}`)
  state.tell({ kind: "issue", action: "opened", issue: made, actorId: made.authorId })
  return made
}

/** Somebody registers a deploy key. Returns a text when that is refused. The texts are Gitea's own. */
export const addKey = (
  state: GiteaState,
  repo: SimRepo,
  { title, key, readOnly }: { readonly title: string; readonly key: string; readonly readOnly: boolean },
): SimKey | string => {
  const content = key.trim().split(/\s+/).slice(0, 2).join(" ")
  if (title === "") return "[Title]: Required"
  if (/[\r\n]/.test(key.trim()) || !/^ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI[\w+/]{43}$/.test(content))
    return "Invalid key content"
  if (repo.keys.some((known) => known.content === content))
    return "This key has already been added to this repository"
  if (repo.keys.some((known) => known.title === title)) return "A key with the same name already exists"
  const made = { id: state.nextId(), title, content, readOnly, createdAt: state.now() }
  repo.keys.push(made)
  return made
}

/** Adds an entry to the timeline of an issue. */
export const show = (
  state: GiteaState,
  issue: SimIssue,
  actorId: number,
  event: Omit<SimEvent, "id" | "actorId" | "createdAt" | "removed"> & { readonly removed?: boolean },
): void => {
  const createdAt = state.now()
  issue.events.push({ removed: false, ...event, id: state.nextId(), actorId, createdAt })
  issue.updatedAt = createdAt
}

/** Somebody adds or removes a label. */
export const setLabel = (
  state: GiteaState,
  issue: SimIssue,
  actorId: number,
  label: string,
  on: boolean,
): void => {
  if (issue.labels.includes(label) === on) return
  issue.labels = on ? [...issue.labels, label] : issue.labels.filter((other) => other !== label)
  show(state, issue, actorId, { type: "label", label, removed: !on })
  state.tell({ kind: "issue", action: "label_updated", issue, actorId })
}

/** Somebody assigns or unassigns a user. */
export const setAssignee = (
  state: GiteaState,
  issue: SimIssue,
  actorId: number,
  login: string,
  on: boolean,
): void => {
  const assignee = state.ensureUser(login).login
  if (issue.assignees.includes(assignee) === on) return
  issue.assignees = on
    ? [...issue.assignees, assignee]
    : issue.assignees.filter((other) => other !== assignee)
  show(state, issue, actorId, { type: "assignees", assignee, removed: !on })
  state.tell({ kind: "issue", action: on ? "assigned" : "unassigned", issue, actorId })
}

/** Somebody locks or unlocks the conversation. */
export const setLocked = (state: GiteaState, issue: SimIssue, actorId: number, on: boolean): void => {
  if (issue.locked === on) return
  issue.locked = on
  show(state, issue, actorId, { type: on ? "lock" : "unlock" })
}

/** Somebody adds or removes a dependency on another issue. The time of both changes. */
export const setDependency = (
  state: GiteaState,
  issue: SimIssue,
  actorId: number,
  dependency: SimIssue,
  on: boolean,
): void => {
  if (issue.dependencies.has(dependency) === on) return
  if (on) issue.dependencies.add(dependency)
  else issue.dependencies.delete(dependency)
  const type = on ? "add_dependency" : "remove_dependency"
  show(state, issue, actorId, { type, dependency })
  show(state, dependency, actorId, { type, dependency: issue })
}

/** The reactions in Gitea's default configuration. */
export const REACTIONS = ["+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes"]

/** Somebody reacts to an issue or a comment. Returns whether the reaction is new. No time changes, and no webhook is sent. */
export const react = (
  state: GiteaState,
  on: { reactions?: Array<SimReaction> },
  userId: number,
  content: string,
): { readonly reaction: SimReaction; readonly isNew: boolean } => {
  const all = (on.reactions ??= [])
  const old = all.find((reaction) => reaction.userId === userId && reaction.content === content)
  if (old !== undefined) return { reaction: old, isNew: false }
  const reaction = { userId, content, createdAt: state.now() }
  all.push(reaction)
  return { reaction, isNew: true }
}

/** Closes or reopens an issue or a pull request. With a user, the timeline and webhooks record it. */
export const setState = (
  state: GiteaState,
  issue: SimIssue,
  to: "open" | "closed",
  actorId?: number,
  commit?: string,
): void => {
  const isChange = issue.state !== to
  if (actorId !== undefined && isChange)
    show(state, issue, actorId, { type: to === "closed" ? "close" : "reopen" })
  issue.state = to
  issue.closedAt = to === "closed" ? state.now() : undefined
  issue.updatedAt = state.now()
  if (actorId === undefined || !isChange) return
  const action: IssueAction = to === "closed" ? "closed" : "reopened"
  state.tell({ kind: "issue", action, issue, actorId, ...(commit !== undefined && { commit }) })
}

/** Merges a pull request, and closes the issues that it says it closes. `commit` is generated unless given. */
export const merge = (state: GiteaState, issue: SimIssue, mergerId: number, commit?: string): void => {
  const { pull, repo } = issue
  if (pull === undefined || issue.state === "closed") return
  const before = state.headOf(repo, pull.base)
  const sha = commit ?? state.newCommit()
  const message = `Merge pull request '${issue.title}' (#${issue.number}) from ${pull.head} into ${pull.base}\n`
  pull.mergedAt = state.now()
  pull.mergedById = mergerId
  pull.mergeCommit = sha
  repo.heads.set(pull.base, sha)
  repo.commits.set(sha, { sha, message, authorId: mergerId, at: state.now(), added: ["work.md"] })
  show(state, issue, mergerId, { type: "merge_pull" })
  setState(state, issue, "closed")
  state.tell({ kind: "issue", action: "closed", issue, actorId: mergerId })
  for (const { issues } of state.repos) {
    for (const other of issues.values()) {
      const isMeant = other.references.some(({ from, action }) => from === issue && action === "closes")
      const waits = [...other.dependencies].some((dependency) => dependency.state === "open")
      if (isMeant && !waits && other.state === "open") setState(state, other, "closed", mergerId, sha)
    }
  }
  state.tell({ kind: "push", repo, branch: pull.base, before, after: sha, actorId: mergerId })
}
