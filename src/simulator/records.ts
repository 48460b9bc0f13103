/** The records of a simulated Gitea: plain and mutable, so that tests can seed, change and inspect them. */
import type { SimPermission } from "./seed.ts"

/** A user. */
export interface SimUser {
  readonly id: number
  readonly login: string
  token: string | undefined
  scopes: ReadonlyArray<string>
  siteAdmin: boolean
}

/** An organisation; sets contain logins in lower case. */
export interface SimOrg {
  readonly id: number
  readonly name: string
  readonly members: Set<string>
  readonly publicMembers: Set<string>
  readonly owners: Set<string>
  readonly hooks: Array<SimHook>
  hidden: boolean
}

/** An attachment of an issue or a comment. */
export interface SimAttachment {
  readonly id: number
  readonly uuid: string
  name: string
  content: Uint8Array
  /** Its declared size; that of `content` unless given. */
  size?: number
  /** Its declared address; its own unless given. */
  link?: string
  /** Its declared content type; binary unless given. */
  type?: string
  /** The redirect target of its address, as with an object store beside the forge. */
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

/** A text somewhere that mentions this issue; `neutered` when it no longer does. */
export interface SimReference {
  readonly id: number
  readonly type: "issue_ref" | "pull_ref" | "comment_ref"
  readonly actorId: number
  readonly from: SimIssue
  readonly comment: SimComment | undefined
  action: "none" | "closes" | "reopens" | "neutered"
  readonly createdAt: string
}

/** A change in the timeline of an issue. */
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
  /** The assignee, or the requested reviewer. */
  readonly assignee?: string
  /** Whether the label, assignee or request was removed. */
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
  /** For a reply in the thread: its own author, who may differ from the review's. */
  readonly authorId: number
  readonly body: string
  readonly path: string
  readonly line: number
  /** Whether the line is in the new file or in the old one. */
  readonly side: "new" | "old"
  /** The surrounding changed lines, as in `diff -u`. */
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
  /** Whether it is the latest verdict of somebody with write permission. */
  official: boolean
  /** Whether commits were pushed after it. */
  stale: boolean
  dismissed: boolean
  readonly createdAt: string
  updatedAt: string
  readonly lines: Array<SimLineComment>
}

/** What a pull request has in addition to an issue. */
export interface SimPull {
  readonly head: string
  headRepoId: number
  readonly base: string
  mergedAt: string | undefined
  mergedById: number | undefined
  /** The merge commit. */
  mergeCommit: string | undefined
  /** Whether it can be merged. Right after a push Gitea has not computed it yet. */
  merging: "clean" | "conflict" | "checking"
  /** Logins of requested and actual reviewers. */
  readonly reviewers: Array<string>
  /** Including requests. */
  readonly reviews: Array<SimReview>
}

/** An issue, or a pull request if `pull` is present. */
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
  /** The issues that it depends on. */
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

/** A check's result for a commit. */
export interface SimStatus {
  readonly id: number
  readonly state: SimStatusState
  readonly context: string
  readonly description: string
  readonly targetUrl: string
  readonly creatorId: number
  readonly createdAt: string
}

/** A webhook of a repository or an organisation. */
export interface SimHook {
  readonly id: number
  readonly type: string
  url: string
  contentType: string
  /** Cannot be changed, and no response contains it. */
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
  /** The commit of each pushed branch; others have a generated one. */
  readonly heads: Map<string, string>
  readonly commits: Map<string, SimCommit>
  /** For each commit, oldest first. */
  readonly statuses: Map<string, Array<SimStatus>>
  /** Files at the default branch that the API serves, by path. */
  readonly files: Map<string, string>
  readonly createdAt: string
}
