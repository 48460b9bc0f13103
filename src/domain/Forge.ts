/** Data types of a forge: issues, pull requests, comments, and which of them a run may write to. */
import { Schema } from "effect"
import { ForgeScopeError } from "./Errors.ts"

/** Number of an issue or a pull request: a positive safe integer. */
export const ForgeNumber = Schema.Number.pipe(
  Schema.filter((n) => Number.isSafeInteger(n) && n > 0, {
    message: () => "must be a positive whole number",
  }),
)

const common = {
  number: ForgeNumber,
  title: Schema.String,
  /** Raw Markdown; `""` when there is none. */
  body: Schema.String,
  state: Schema.Literal("open", "closed"),
  /** Login of the author; `""` when the forge names none. */
  author: Schema.String,
  /** Numeric ID of the author; 0 when the forge names none. */
  authorId: Schema.Number,
  labels: Schema.Array(Schema.String),
  assignees: Schema.Array(Schema.String),
}

/** An issue. */
export const Issue = Schema.Struct(common)
/** An issue. */
export type Issue = typeof Issue.Type

/** A pull request. `head` and `base` are branch names. `headRepoId` is the numeric ID of the head repository (-1: deleted). */
export const PullRequest = Schema.Struct({
  ...common,
  merged: Schema.Boolean,
  head: Schema.String,
  base: Schema.String,
  headRepoId: Schema.Number,
  draft: Schema.Boolean,
})
/** A pull request. */
export type PullRequest = typeof PullRequest.Type

/** A comment. Times are as the forge gives them (ISO 8601). `authorTrusted` is false whenever it cannot be decided. */
export const Comment = Schema.Struct({
  id: Schema.Number,
  user: Schema.String,
  body: Schema.String,
  createdAt: Schema.String,
  /** Later than `createdAt` when the comment was edited; `""` when the forge does not say. */
  updatedAt: Schema.String,
  authorTrusted: Schema.Boolean,
})
/** A comment. */
export type Comment = typeof Comment.Type

/** A public key with ssh access to one repository. */
export const DeployKey = Schema.Struct({
  /** Number of the key at its repository. */
  id: Schema.Number,
  title: Schema.String,
  /** Type and key in base64, without a comment: `ssh-ed25519 AAAA...`. */
  publicKey: Schema.String,
  /** Whether it is read-only. */
  readOnly: Schema.Boolean,
})
/** A public key with ssh access to one repository. */
export type DeployKey = typeof DeployKey.Type

/** What a run may write to: its issue and its pull requests. `writable` contains both, ascending, each once. Immutable. */
export class WriteScope extends Schema.Class<WriteScope>("WriteScope")({
  issue: ForgeNumber,
  prs: Schema.Array(ForgeNumber),
}) {
  /** The numbers that may be written to, ascending. */
  get writable(): ReadonlyArray<number> {
    return [...new Set([this.issue, ...this.prs])].sort((a, b) => a - b)
  }
  /** The error for a write to `number`; undefined when it is in scope. */
  refusal(number: number): ForgeScopeError | undefined {
    const writable = this.writable
    return writable.includes(number) ? undefined : new ForgeScopeError({ number, writable })
  }
  /** A new scope that also contains `pr`. */
  withPr(pr: number): WriteScope {
    return new WriteScope({ issue: this.issue, prs: [...new Set([...this.prs, pr])] })
  }
}
