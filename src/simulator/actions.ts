/** What happens in a simulated Gitea when somebody comments, edits, opens or merges. */
import { refer } from "./references.ts"
import type { SeedPull } from "./seed.ts"
import type { GiteaState, SimComment, SimEvent, SimIssue, SimKey, SimRepo } from "./state.ts"

/** Reads the texts that a seed brought for mentions of other issues. */
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
  return made
}

/** Somebody changes the description; the version counts real changes only. */
export const editBody = (state: GiteaState, issue: SimIssue, editorId: number, body: string): void => {
  if (issue.body !== body) issue.contentVersion += 1
  issue.body = body
  issue.updatedAt = state.now()
  refer(state, issue, editorId, `${issue.title}\n${body}`)
}

/** Somebody opens a pull request. */
export const openPull = (state: GiteaState, repo: SimRepo, pull: SeedPull): SimIssue => {
  const made = state.addPull(repo, pull)
  refer(state, made, made.authorId, `${made.title}\n${made.body}`)
  return made
}

/** Somebody registers a deploy key; a text says why that cannot be. Texts are Gitea's own. */
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

/** A change that the timeline of an issue shows from now on. */
const show = (
  state: GiteaState,
  issue: SimIssue,
  actorId: number,
  event: Pick<SimEvent, "type" | "label" | "assignee"> & { readonly removed?: boolean },
): void => {
  const createdAt = state.now()
  issue.events.push({ removed: false, ...event, id: state.nextId(), actorId, createdAt })
  issue.updatedAt = createdAt
}

/** Somebody puts a label on, or takes it off. */
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
}

/** Somebody assigns a user, or takes them off. */
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
}

/** An issue or a PR is closed or opened again; the timeline shows it when somebody did it. */
export const setState = (
  state: GiteaState,
  issue: SimIssue,
  to: "open" | "closed",
  actorId?: number,
): void => {
  if (actorId !== undefined && issue.state !== to) {
    show(state, issue, actorId, { type: to === "closed" ? "close" : "reopen" })
  }
  issue.state = to
  issue.closedAt = to === "closed" ? state.now() : undefined
  issue.updatedAt = state.now()
}

/** A pull request is merged, and the issues that it says it closes are closed. */
export const merge = (state: GiteaState, pull: SimIssue, mergerId: number): void => {
  if (pull.pull === undefined || pull.state === "closed") return
  pull.pull.mergedAt = state.now()
  pull.pull.mergedById = mergerId
  show(state, pull, mergerId, { type: "merge_pull" })
  setState(state, pull, "closed")
  for (const repo of state.repos) {
    for (const issue of repo.issues.values()) {
      if (issue.references.some((reference) => reference.from === pull && reference.action === "closes")) {
        setState(state, issue, "closed", mergerId)
      }
    }
  }
}
