/** GitFailure is the error of the whole git gate: the kind is for decisions, the reason for the agent. */
import { Schema } from "effect"

/**
 * What failed, independent of git's wording. `Here`: on this side, without involving the upstream. `Silent`: no progress for too long.
 * `NoReport`: the upstream took the data and did not report the result.
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

/** The upstream, or git here, did not do what was asked. The reason is for the agent, without addresses or credentials. */
export class GitFailure extends Schema.TaggedError<GitFailure>()("GitFailure", {
  kind: GitFailureKind.pipe(
    Schema.propertySignature,
    Schema.withConstructorDefault((): typeof GitFailureKind.Type => "Here"),
  ),
  reason: Schema.String,
  /** The upstream's own message. */
  remote: Schema.Array(Schema.String),
}) {}

/** Whether the upstream has a push that failed in this way: `no` when it refused before it could accept anything. */
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

/** Whether the upstream itself refused, and so has accepted nothing. */
export const tookNothing = ({ kind }: GitFailure): boolean => TAKEN[kind] === "no"
