/** Schemas of Gitea's responses, decoded leniently: null or missing fields get a plain default. */
import { Schema } from "effect"
import {
  type Comment,
  type DeployKey,
  ForgeNumber,
  type Issue,
  type PullRequest,
} from "../../domain/Forge.ts"
import type { PullRequestDetails } from "../../domain/ForgeDetails.ts"

/** A text; `""` when it is null or missing. */
export const text = Schema.optionalWith(Schema.String, { nullable: true, default: () => "" })
/** A flag; false when it is null or missing. */
export const flag = Schema.optionalWith(Schema.Boolean, { nullable: true, default: () => false })
/** A number; `otherwise` when it is null or missing. */
export const count = (otherwise: number) =>
  Schema.optionalWith(Schema.Number, { nullable: true, default: () => otherwise })

/** A list whose elements Gitea may have failed to convert: those are null and left out. */
export const elements = <A, I>(item: Schema.Schema<A, I>) =>
  Schema.transform(Schema.Array(Schema.NullOr(item)), Schema.Array(Schema.typeSchema(item)), {
    strict: true,
    decode: (items) => items.filter((item) => item !== null),
    encode: (items) => items,
  })

/** A list; empty when it is null or missing. */
export const list = <A, I>(item: Schema.Schema<A, I>) =>
  Schema.optionalWith(elements(item), { nullable: true, default: () => [] })

/** A page of a list: Gitea returns `null` for an empty one. */
export const page = <A, I>(item: Schema.Schema<A, I>) =>
  Schema.transform(Schema.NullOr(elements(item)), Schema.Array(Schema.typeSchema(item)), {
    strict: true,
    decode: (items) => items ?? [],
    encode: (items) => items,
  })

/** A user; id 0 and login "" when the forge names none. Deleted users have id -1. */
export const UserAnswer = Schema.Struct({ id: count(0), login: text })
/** A user; id 0 and login "" when the forge names none. */
export type UserAnswer = typeof UserAnswer.Type

const nobody: UserAnswer = { id: 0, login: "" }
/** A user; nobody when the forge names none. */
export const user = Schema.optionalWith(UserAnswer, { nullable: true, default: () => nobody })

/** An attachment of an issue, a pull request or a comment. Its address is built from `uuid`; `browser_download_url` is never requested. */
export const AttachmentAnswer = Schema.Struct({
  id: count(0),
  name: text,
  size: count(0),
  uuid: text,
  created_at: text,
  browser_download_url: text,
})
/** An attachment of an issue, a pull request or a comment. */
export type AttachmentAnswer = typeof AttachmentAnswer.Type

const common = {
  number: Schema.optionalWith(Schema.NullOr(ForgeNumber), { default: () => null }),
  title: text,
  body: text,
  state: text,
  user,
  labels: list(Schema.Struct({ name: text })),
  assignees: list(UserAnswer),
}

/** `GET .../issues/{n}` for an issue or a pull request, which has `pull_request`. */
export const IssueAnswer = Schema.Struct({
  ...common,
  pull_request: Schema.optionalWith(Schema.Unknown, { default: () => null }),
  assets: list(AttachmentAnswer),
  /** Since 1.26: counts the edits of the body. */
  content_version: Schema.optionalWith(Schema.NullOr(Schema.Number), { default: () => null }),
  repository: Schema.optionalWith(Schema.Struct({ id: count(0), full_name: text }), {
    nullable: true,
    default: () => ({ id: 0, full_name: "" }),
  }),
})
/** `GET .../issues/{n}`. */
export type IssueAnswer = typeof IssueAnswer.Type

/** Gitea distinguishes pull requests from issues only by this field; they share their numbers. */
export const isPr = (issue: { readonly pull_request: unknown }): boolean =>
  issue.pull_request !== null && issue.pull_request !== undefined

const branch = Schema.optionalWith(Schema.Struct({ ref: text, label: text, sha: text, repo_id: count(-1) }), {
  nullable: true,
  default: () => ({ ref: "", label: "", sha: "", repo_id: -1 }),
})

/** `GET .../pulls/{n}`. The head repository is -1 or null when a fork was deleted. */
export const PullAnswer = Schema.Struct({
  ...common,
  merged: flag,
  draft: flag,
  mergeable: flag,
  merged_at: text,
  closed_at: text,
  head: branch,
  base: branch,
})
/** `GET .../pulls/{n}`. */
export type PullAnswer = typeof PullAnswer.Type

/** An element of `GET .../issues/{n}/comments`, and the response to posting one. */
export const CommentAnswer = Schema.Struct({
  id: Schema.Number,
  user,
  body: text,
  created_at: text,
  updated_at: text,
  assets: list(AttachmentAnswer),
})
/** An element of `GET .../issues/{n}/comments`. */
export type CommentAnswer = typeof CommentAnswer.Type

/** `GET .../issues/{n}/comments`: never paged, never null as a whole. */
export const CommentsAnswer = elements(CommentAnswer)

/** An element of `GET .../issues/{n}/timeline`. */
export const TimelineAnswer = Schema.Struct({
  id: count(0),
  type: text,
  user,
  /** Only for a label: "1" if it was added. */
  body: text,
  created_at: text,
  label: Schema.optionalWith(Schema.NullOr(Schema.Struct({ name: text })), { default: () => null }),
  assignee: user,
  removed_assignee: flag,
  old_title: text,
  new_title: text,
  ref_action: text,
  ref_issue: Schema.optionalWith(Schema.NullOr(IssueAnswer), { default: () => null }),
})
/** An element of `GET .../issues/{n}/timeline`. */
export type TimelineAnswer = typeof TimelineAnswer.Type

/** An element of `GET .../keys`, and the response to registering one. Without `read_only` it may push. */
export const DeployKeyAnswer = Schema.Struct({
  id: Schema.Number,
  title: text,
  key: text,
  read_only: flag,
})
/** An element of `GET .../keys`. */
export type DeployKeyAnswer = typeof DeployKeyAnswer.Type

/** The key in a response; its comment has no meaning. */
export const toDeployKey = (answer: DeployKeyAnswer): DeployKey => ({
  id: answer.id,
  title: answer.title,
  publicKey: answer.key.trim().split(/\s+/).slice(0, 2).join(" "),
  readOnly: answer.read_only,
})

/** `GET /repos/{owner}/{repo}`. */
export const RepoAnswer = Schema.Struct({ id: count(0), default_branch: text, owner: user })

/** `GET .../branches/{branch}`; treated as protected when the forge does not say. */
export const BranchAnswer = Schema.Struct({
  protected: Schema.optionalWith(Schema.Boolean, { nullable: true, default: () => true }),
})

/** `GET .../collaborators/{user}/permission`: none, read, write, admin or owner. */
export const PermissionAnswer = Schema.Struct({ permission: text })

/** `GET /user`. */
export const SelfAnswer = Schema.Struct({ id: Schema.Number, login: Schema.String })

const shared = (
  answer: Omit<IssueAnswer, "pull_request" | "content_version" | "repository" | "assets">,
  asked: number,
) => ({
  number: answer.number ?? asked,
  title: answer.title,
  body: answer.body,
  state: answer.state === "closed" ? ("closed" as const) : ("open" as const),
  author: answer.user.login,
  authorId: answer.user.id,
  labels: answer.labels.map((label) => label.name),
  assignees: answer.assignees.map((assignee) => assignee.login),
})

/** The issue in a response; `asked` is its number if the response has none. */
export const toIssue = (answer: IssueAnswer, asked: number): Issue => shared(answer, asked)

/** The pull request in a response; `asked` is its number if the response has none. */
export const toPullRequest = (answer: PullAnswer, asked: number): PullRequest => ({
  ...shared(answer, asked),
  merged: answer.merged,
  draft: answer.draft,
  head: answer.head.ref,
  base: answer.base.ref,
  headRepoId: answer.head.repo_id,
})

/** The pull request in a response, with everything that decides whether it can be merged. */
export const toPullRequestDetails = (answer: PullAnswer, asked: number): PullRequestDetails => ({
  ...toPullRequest(answer, asked),
  headSha: answer.head.sha,
  baseSha: answer.base.sha,
  mergeable: answer.mergeable,
  overAt: answer.state === "closed" ? answer.merged_at || answer.closed_at : "",
})

/** The comment in a response. */
export const toComment = (answer: CommentAnswer, authorTrusted: boolean): Comment => ({
  id: answer.id,
  user: answer.user.login,
  body: answer.body,
  createdAt: answer.created_at,
  updatedAt: answer.updated_at,
  authorTrusted,
})
