/** What a forge holds: issues, pull requests, comments, and which of them a run may write to. */
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
  /** Login of the poster; `""` when the forge names none. */
  author: Schema.String,
  /** Numeric id of the poster; 0 when the forge names none. */
  authorId: Schema.Number,
  labels: Schema.Array(Schema.String),
  assignees: Schema.Array(Schema.String),
}

/** An issue. */
export const Issue = Schema.Struct(common)
/** An issue. */
export type Issue = typeof Issue.Type

/** A pull request; `head` and `base` are branch names, `headRepoId` is the head repository's numeric id (-1: gone). */
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

/** A comment; times as the forge gives them (ISO 8601), `authorTrusted` is false whenever it cannot be decided. */
export const Comment = Schema.Struct({
  id: Schema.Number,
  user: Schema.String,
  body: Schema.String,
  createdAt: Schema.String,
  /** Later than `createdAt` when it was edited; `""` when the forge does not say. */
  updatedAt: Schema.String,
  authorTrusted: Schema.Boolean,
})
/** A comment. */
export type Comment = typeof Comment.Type

/** A public key that reaches one repository over ssh. */
export const DeployKey = Schema.Struct({
  /** Number of the key at its repository. */
  id: Schema.Number,
  title: Schema.String,
  /** Type and key in base64, without a comment: `ssh-ed25519 AAAA...`. */
  publicKey: Schema.String,
  /** Whether it may only fetch. */
  readOnly: Schema.Boolean,
})
/** A public key that reaches one repository over ssh. */
export type DeployKey = typeof DeployKey.Type

/** What a run may write to: its issue and its PRs. `writable` is both, ascending, each once. Immutable. */
export class WriteScope extends Schema.Class<WriteScope>("WriteScope")({
  issue: ForgeNumber,
  prs: Schema.Array(ForgeNumber),
}) {
  /** The numbers a write may go to, ascending. */
  get writable(): ReadonlyArray<number> {
    return [...new Set([this.issue, ...this.prs])].sort((a, b) => a - b)
  }
  /** The refusal of a write to `number`, or undefined when it is in scope. */
  refusal(number: number): ForgeScopeError | undefined {
    const writable = this.writable
    return writable.includes(number) ? undefined : new ForgeScopeError({ number, writable })
  }
  /** A new scope that has `pr` too. */
  withPr(pr: number): WriteScope {
    return new WriteScope({ issue: this.issue, prs: [...new Set([...this.prs, pr])] })
  }
}
