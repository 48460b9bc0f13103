/** The records of a simulated Gitea: plain and mutable, so that tests may seed, change and look at them. */
import type { SimPermission } from "./seed.ts"

/** A user. */
export interface SimUser {
  readonly id: number
  readonly login: string
  token: string | undefined
  scopes: ReadonlyArray<string>
  siteAdmin: boolean
}

/** An org; sets hold logins in lower case. */
export interface SimOrg {
  readonly id: number
  readonly name: string
  readonly members: Set<string>
  readonly publicMembers: Set<string>
  readonly owners: Set<string>
  readonly hooks: Array<SimHook>
  hidden: boolean
}

/** A file of an issue or a comment. */
export interface SimAttachment {
  readonly id: number
  readonly uuid: string
  name: string
  content: Uint8Array
  /** What is said to be its size; `content`'s unless given. */
  size?: number
  /** What is said to be its address; its own unless given. */
  link?: string
  /** What is said to be its type when it is asked for; bytes unless given. */
  type?: string
  /** Where its address leads to, as with a store of objects beside the forge. */
  redirect?: string
  readonly createdAt: string
}

/** A comment. Times are ISO 8601 with whole seconds. */
export interface SimComment {
  readonly id: number
  readonly authorId: number
  body: string
  readonly createdAt: string
  updatedAt: string
  reactions?: Array<SimReaction>
  attachments?: Array<SimAttachment>
}

/** That a text somewhere names this issue; `neutered` when the text no longer does. */
export interface SimReference {
  readonly id: number
  readonly type: "issue_ref" | "pull_ref" | "comment_ref"
  readonly actorId: number
  readonly from: SimIssue
  readonly comment: SimComment | undefined
  action: "none" | "closes" | "reopens" | "neutered"
  readonly createdAt: string
}

/** A change of an issue that its timeline shows. */
export interface SimEvent {
  readonly id: number
  readonly type:
    | "label"
    | "assignees"
    | "close"
    | "reopen"
    | "merge_pull"
    | "change_title"
    | "lock"
    | "unlock"
    | "add_dependency"
    | "remove_dependency"
    | "review"
    | "review_request"
    | "dismiss_review"
    | "pull_push"
    | "delete_branch"
  readonly actorId: number
  readonly createdAt: string
  readonly label?: string
  /** Who was assigned, or asked for a review. */
  readonly assignee?: string
  /** Whether the label, the assignee or the request was taken away. */
  readonly removed: boolean
  readonly body?: string
  readonly titles?: { readonly old: string; readonly new: string }
  readonly reviewId?: number
  readonly dependency?: SimIssue
}

/** A reaction of a user, such as `eyes`. */
export interface SimReaction {
  readonly userId: number
  readonly content: string
  readonly createdAt: string
}

/** A comment of a review on a line. */
export interface SimLineComment {
  readonly id: number
  /** Of an answer in the thread, another than the review's. */
  readonly authorId: number
  readonly body: string
  readonly path: string
  readonly line: number
  /** Whether the line is one of the new file, or of the old. */
  readonly side: "new" | "old"
  /** The changed lines around it, as `diff -u` shows them. */
  readonly hunk: string
  readonly commit: string
  readonly createdAt: string
}

/** The states of a review in Gitea's API. */
export type SimReviewState = "APPROVED" | "REQUEST_CHANGES" | "COMMENT" | "PENDING" | "REQUEST_REVIEW"

/** A review, or a request for one. */
export interface SimReview {
  readonly id: number
  readonly authorId: number
  readonly state: SimReviewState
  readonly body: string
  /** "" for a request. */
  readonly commit: string
  /** The latest verdict of somebody who may write. */
  official: boolean
  /** Whether commits came after it. */
  stale: boolean
  dismissed: boolean
  readonly createdAt: string
  updatedAt: string
  readonly lines: Array<SimLineComment>
}

/** What a PR has besides an issue. */
export interface SimPull {
  readonly head: string
  headRepoId: number
  readonly base: string
  mergedAt: string | undefined
  mergedById: number | undefined
  /** The merge commit. */
  mergeCommit: string | undefined
  /** Whether it can be merged: right after a push Gitea does not know yet. */
  merging: "clean" | "conflict" | "checking"
  /** Logins of who was asked for a review, or gave one. */
  readonly reviewers: Array<string>
  /** Requests included. */
  readonly reviews: Array<SimReview>
}

/** An issue, or a PR when `pull` is there. */
export interface SimIssue {
  readonly id: number
  readonly number: number
  readonly repo: SimRepo
  readonly authorId: number
  title: string
  body: string
  state: "open" | "closed"
  locked: boolean
  labels: Array<string>
  assignees: Array<string>
  contentVersion: number
  readonly createdAt: string
  updatedAt: string
  closedAt: string | undefined
  /** ISO 8601. */
  dueDate: string | undefined
  readonly comments: Array<SimComment>
  readonly references: Array<SimReference>
  readonly events: Array<SimEvent>
  readonly reactions: Array<SimReaction>
  /** The issues that it waits for. */
  readonly dependencies: Set<SimIssue>
  attachments?: Array<SimAttachment>
  readonly pull: SimPull | undefined
}

/** A deploy key; `content` has no comment. */
export interface SimKey {
  readonly id: number
  readonly title: string
  readonly content: string
  readonly readOnly: boolean
  readonly createdAt: string
}

/** A commit, as far as the simulator knows it. */
export interface SimCommit {
  readonly sha: string
  readonly message: string
  readonly authorId: number
  readonly at: string
  readonly added: ReadonlyArray<string>
}

/** The states of a commit's status in Gitea's API. */
export type SimStatusState = "success" | "failure" | "error" | "pending" | "warning"

/** What a check says about a commit. */
export interface SimStatus {
  readonly id: number
  readonly state: SimStatusState
  readonly context: string
  readonly description: string
  readonly targetUrl: string
  readonly creatorId: number
  readonly createdAt: string
}

/** A webhook of a repository or an org. */
export interface SimHook {
  readonly id: number
  readonly type: string
  url: string
  contentType: string
  /** Cannot be changed, and no answer has it. */
  readonly secret: string
  events: ReadonlyArray<string>
  active: boolean
  branchFilter: string
  authorization: string
  readonly createdAt: string
  updatedAt: string
}

/** A repository. */
export interface SimRepo {
  readonly id: number
  owner: string
  name: string
  defaultBranch: string
  readonly branches: Set<string>
  readonly protectedBranches: Set<string>
  archived: boolean
  private: boolean
  readonly collaborators: Map<string, SimPermission>
  readonly issues: Map<number, SimIssue>
  readonly keys: Array<SimKey>
  readonly hooks: Array<SimHook>
  /** The commit of each branch that was pushed; others have one that is made up. */
  readonly heads: Map<string, string>
  readonly commits: Map<string, SimCommit>
  /** Of each commit, oldest first. */
  readonly statuses: Map<string, Array<SimStatus>>
  readonly createdAt: string
}
