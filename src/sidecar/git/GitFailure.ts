/** GitFailure is how everything of the git gate fails: the reason is for the agent. */
import { Schema } from "effect"

/** The upstream, or git here, did not do what was asked; the reason is for the agent, without addresses or credentials. */
export class GitFailure extends Schema.TaggedError<GitFailure>()("GitFailure", {
  reason: Schema.String,
  /** What the upstream said of it. */
  remote: Schema.Array(Schema.String),
}) {}
