/** GitFailure is how everything of the git gate fails: the kind is for decisions, the reason for the agent. */
import { Schema } from "effect"

/**
 * What failed, whatever git's words for it are. `Here`: on this side, the upstream has nothing to do with it. `Silent`: no
 * progress for too long. `NoReport`: the upstream took the data and did not say what became of it.
 */
export const GitFailureKind = Schema.Literal(
  "Here",
  "Unauthorized",
  "Forbidden",
  "NotFound",
  "Refused",
  "KeyRefused",
  "HostKey",
  "Redirected",
  "ProtocolRefused",
  "ServerError",
  "Unreachable",
  "Silent",
  "NoReport",
  "NoRoom",
  "Unknown",
)
/** What failed. */
export type GitFailureKind = typeof GitFailureKind.Type

/** The upstream, or git here, did not do what was asked; the reason is for the agent, without addresses or credentials. */
export class GitFailure extends Schema.TaggedError<GitFailure>()("GitFailure", {
  kind: GitFailureKind.pipe(
    Schema.propertySignature,
    Schema.withConstructorDefault((): typeof GitFailureKind.Type => "Here"),
  ),
  reason: Schema.String,
  /** What the upstream said of it. */
  remote: Schema.Array(Schema.String),
}) {}

/** Whether the upstream has a push that failed so: `no`, when it said no before it could take anything. */
const TAKEN: Readonly<Record<GitFailureKind, "no" | "unknown">> = {
  Unauthorized: "no",
  Forbidden: "no",
  NotFound: "no",
  Refused: "no",
  KeyRefused: "no",
  HostKey: "no",
  Redirected: "no",
  ProtocolRefused: "no",
  Here: "unknown",
  ServerError: "unknown",
  Unreachable: "unknown",
  Silent: "unknown",
  NoReport: "unknown",
  NoRoom: "unknown",
  Unknown: "unknown",
}

/** Whether the upstream itself said no: then it has taken nothing. */
export const tookNothing = ({ kind }: GitFailure): boolean => TAKEN[kind] === "no"
