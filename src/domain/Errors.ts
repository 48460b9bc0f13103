/**
 * All errors of bot-bottle. Each has a tag, fields that a program can act on, and a message that says what failed, on what, and what to
 * do next. None contains a request, a header, a body or a secret.
 */
import { Schema } from "effect"
import { ForgeReason } from "./ForgeReason.ts"
import { Slug } from "./Slug.ts"

const Cause = Schema.optional(Schema.Defect)

/** A value from the caller is not acceptable. `field` names it (`label`, `slug`, `prompt`, ...). */
export class InvalidInput extends Schema.TaggedError<InvalidInput>()("InvalidInput", {
  field: Schema.String,
  reason: Schema.String,
}) {
  override get message(): string {
    return `invalid ${this.field}: ${this.reason}`
  }
}

/** A manifest lacks a key, has an unknown key or a wrong type, or is not in its format. */
export class ManifestInvalid extends Schema.TaggedError<ManifestInvalid>()("ManifestInvalid", {
  /** Path of the file. */
  file: Schema.String,
  /** Dotted path of the key, `""` for the file as a whole. */
  key: Schema.String,
  /** What was expected. */
  expected: Schema.String,
}) {
  override get message(): string {
    return `${this.file}: ${this.key === "" ? "" : `${this.key}: `}${this.expected}`
  }
}

/** There is no agent manifest with that name. */
export class AgentNotFound extends Schema.TaggedError<AgentNotFound>()("AgentNotFound", {
  agent: Schema.String,
  /** Where it was searched, and what to do. */
  hint: Schema.String,
}) {
  override get message(): string {
    return `no agent "${this.agent}": ${this.hint}`
  }
}

/** Neither the caller nor the agent manifest names a bottle manifest. */
export class NoDefaultBottle extends Schema.TaggedError<NoDefaultBottle>()("NoDefaultBottle", {
  agent: Schema.String,
}) {
  override get message(): string {
    return `agent "${this.agent}" names no default bottle: give one with --bottle, or set "bottle" in its manifest`
  }
}

/** There is no bottle with that slug. */
export class BottleNotFound extends Schema.TaggedError<BottleNotFound>()("BottleNotFound", {
  slug: Slug,
}) {
  override get message(): string {
    return `no bottle "${this.slug}": "bot-bottle list" shows the bottles, "bot-bottle start AGENT" makes one`
  }
}

/** Another operation holds the bottle's lease. */
export class BottleBusy extends Schema.TaggedError<BottleBusy>()("BottleBusy", {
  slug: Slug,
  /** The running operation, or `watch`. */
  operation: Schema.String,
  /** The process that holds the lease. */
  pid: Schema.Number,
}) {
  override get message(): string {
    return `bottle "${this.slug}" is busy: ${this.operation} by process ${this.pid}; try again when it is done`
  }
}

/** The bottle's agent is running. */
export class BottleRunning extends Schema.TaggedError<BottleRunning>()("BottleRunning", {
  slug: Slug,
}) {
  override get message(): string {
    return `bottle "${this.slug}" is running: "bot-bottle stop ${this.slug}" ends its agent, "bot-bottle logs ${this.slug}" shows what it does`
  }
}

/** A policy forbids the launch: root, a VOLUME, a limit that cannot be enforced, an unsupported field. */
export class LaunchRefused extends Schema.TaggedError<LaunchRefused>()("LaunchRefused", {
  reason: Schema.String,
}) {
  override get message(): string {
    return `launch refused: ${this.reason}`
  }
}

/** The issue already has a live bottle. */
export class AlreadyHandled extends Schema.TaggedError<AlreadyHandled>()("AlreadyHandled", {
  /** The forge of the row that has it; `""` when it is not known, and the row counts on every forge. */
  forge: Schema.String,
  owner: Schema.String,
  repo: Schema.String,
  issueNumber: Schema.Number,
  slug: Slug,
  status: Schema.String,
}) {
  override get message(): string {
    const issue = `${this.owner}/${this.repo}#${this.issueNumber}`
    if (this.forge === "") {
      return `${issue} is handled by bottle "${this.slug}" (${this.status}), whose forge is not known: "bot-bottle orchestrate assign ${this.slug} --forge URL" says which it is; until then it counts on every forge`
    }
    return `${issue} is handled by bottle "${this.slug}" (${this.status}): "bot-bottle orchestrate resume --slug ${this.slug} --prompt ..." goes on with it, "bot-bottle destroy ${this.slug}" gives it up`
  }
}

/** Another process serves this home. */
export class HomeServed extends Schema.TaggedError<HomeServed>()("HomeServed", {
  pid: Schema.Number,
}) {
  override get message(): string {
    return `process ${this.pid} serves this home already: stop it first, or serve another home`
  }
}

/** A statement about a run cannot be signed. It stays stored, and is signed later. */
export class SigningFailed extends Schema.TaggedError<SigningFailed>()("SigningFailed", {
  /** What is wrong and where; never any part of a key. */
  reason: Schema.String,
}) {
  override get message(): string {
    return `provenance cannot be signed: ${this.reason}`
  }
}

/** A home could not be backed up or restored. Nothing was changed. */
export class ArchiveFailed extends Schema.TaggedError<ArchiveFailed>()("ArchiveFailed", {
  operation: Schema.Literal("backup", "restore"),
  reason: Schema.String,
}) {
  override get message(): string {
    return `${this.operation} failed: ${this.reason}`
  }
}

/** A secret cannot be read from the source that the configuration names. */
export class SecretUnreadable extends Schema.TaggedError<SecretUnreadable>()("SecretUnreadable", {
  /** What is wrong and where; never any part of the secret. */
  reason: Schema.String,
}) {
  override get message(): string {
    return this.reason
  }
}

/** The orchestrator cannot run with this configuration. */
export class ConfigurationInvalid extends Schema.TaggedError<ConfigurationInvalid>()("ConfigurationInvalid", {
  /** Every problem, in the form of `ManifestInvalid`. */
  problems: Schema.Array(Schema.Struct({ file: Schema.String, key: Schema.String, expected: Schema.String })),
}) {
  override get message(): string {
    return this.problems.map(({ file, key, expected }) => `${file}: ${key}: ${expected}`).join("\n")
  }
}

/** The orchestrator has never looked at such an issue. */
export class IssueUnknown extends Schema.TaggedError<IssueUnknown>()("IssueUnknown", {
  /** The name that was asked for. */
  issue: Schema.String,
  /** What to do. */
  hint: Schema.String,
}) {
  override get message(): string {
    return `${this.issue} is not an issue that the orchestrator knows: ${this.hint}`
  }
}

/** A webhook is missing, misconfigured, or its deliveries do not arrive. Details were printed before. */
export class HookNotWorking extends Schema.TaggedError<HookNotWorking>()("HookNotWorking", {
  /** `OWNER/REPO`, or an organisation. */
  place: Schema.String,
}) {
  override get message(): string {
    return `the webhook of ${this.place} does not work`
  }
}

/** The service cannot listen on that address. */
export class ListenFailed extends Schema.TaggedError<ListenFailed>()("ListenFailed", {
  host: Schema.String,
  port: Schema.Number,
  /** System error code, such as `EADDRINUSE`. */
  reason: Schema.String,
}) {
  override get message(): string {
    return `cannot listen on ${this.host}:${this.port} (${this.reason}): stop what uses it, or name another address`
  }
}

/** An orchestrated start was asked for an issue that is closed. */
export class IssueClosed extends Schema.TaggedError<IssueClosed>()("IssueClosed", {
  forge: Schema.String,
  owner: Schema.String,
  repo: Schema.String,
  issueNumber: Schema.Number,
}) {
  override get message(): string {
    return `${this.owner}/${this.repo}#${this.issueNumber} is closed: reopen it, or start anyway with --force`
  }
}

/** A limit of the run was reached, and bot-bottle stopped its agent. */
export class LimitReached extends Schema.TaggedError<LimitReached>()("LimitReached", {
  slug: Slug,
  /** `timeout` or `idleTimeout`; `tokens`, `cost` or `calls` for what its calls to models may use. */
  limit: Schema.String,
  /** The limit's value in this run: that of the manifest, with what a person added. */
  value: Schema.String,
}) {
  override get message(): string {
    if (["tokens", "cost", "calls"].includes(this.limit)) {
      return `the run of bottle "${this.slug}" ended, limit: ${this.limit} (${this.value}): "bot-bottle resume ${this.slug} --headless --prompt ..." continues in a new run, whose limit is limits.${this.limit} of its bottle manifest`
    }
    return `bottle "${this.slug}" reached its ${this.limit} of ${this.value} and was stopped: "bot-bottle resume ${this.slug} --headless --prompt ..." goes on`
  }
}

/** The agent ended with a nonzero exit code. `signal` is set when a signal ended it (`exitCode` is then 128+n). */
export class AgentExited extends Schema.TaggedError<AgentExited>()("AgentExited", {
  slug: Slug,
  exitCode: Schema.Number,
  signal: Schema.optional(Schema.String),
  /** Whether the bottle was destroyed while it was watched, so that nothing of it is left. */
  destroyed: Schema.optional(Schema.Boolean),
}) {
  override get message(): string {
    const how = this.signal === undefined ? `with ${this.exitCode}` : `by ${this.signal} (${this.exitCode})`
    if (this.destroyed === true) {
      return `the agent of bottle "${this.slug}" ended ${how}: the bottle was destroyed, and nothing of it is kept`
    }
    return `the agent of bottle "${this.slug}" ended ${how}: "bot-bottle logs ${this.slug}" shows its output; the bottle is kept`
  }
}

/** There is no backend with that name. */
export class BackendNotFound extends Schema.TaggedError<BackendNotFound>()("BackendNotFound", {
  backend: Schema.String,
  known: Schema.Array(Schema.String),
}) {
  override get message(): string {
    return `no backend "${this.backend}": known are ${this.known.join(", ")}`
  }
}

/** The backend cannot work now: there is no engine, or the bottle's neck did not respond. */
export class BackendUnavailable extends Schema.TaggedError<BackendUnavailable>()("BackendUnavailable", {
  backend: Schema.String,
  /** What is wrong and what to do. */
  reason: Schema.String,
}) {
  override get message(): string {
    return `backend ${this.backend} is unavailable: ${this.reason}`
  }
}

/** The backend reported that an operation failed. */
export class BackendFailure extends Schema.TaggedError<BackendFailure>()("BackendFailure", {
  backend: Schema.String,
  /** `pull`, `create`, `start`, `destroy`, ... */
  operation: Schema.String,
  /** The slug or the image concerned. */
  target: Schema.String,
  reason: Schema.String,
  cause: Cause,
}) {
  override get message(): string {
    return `${this.backend}: ${this.operation} of "${this.target}" failed: ${this.reason}`
  }
}

/** The bottle could not be turned into an artifact. What existed of it is unchanged. */
export class FreezeFailed extends Schema.TaggedError<FreezeFailed>()("FreezeFailed", {
  slug: Slug,
  reason: Schema.String,
  /** `false`: there is nothing to freeze, and a second freeze would fail in the same way. `reason` says what to do. */
  retry: Schema.optional(Schema.Boolean),
}) {
  override get message(): string {
    const next = this.retry === false ? "" : `; nothing is lost, "bot-bottle freeze ${this.slug}" tries again`
    return `bottle "${this.slug}" could not be frozen: ${this.reason}${next}`
  }
}

/** The user declined, or pressed Ctrl-C. */
export class Cancelled extends Schema.TaggedError<Cancelled>()("Cancelled", {
  reason: Schema.String,
}) {
  override get message(): string {
    return this.reason
  }
}

/** A write outside the run's scope. `writable` is in ascending order. */
export class ForgeScopeError extends Schema.TaggedError<ForgeScopeError>()("ForgeScopeError", {
  number: Schema.Number,
  writable: Schema.Array(Schema.Number),
}) {
  override get message(): string {
    return `write to #${this.number} denied: out of assigned scope (writable: ${this.writable.join(", ")})`
  }
}

/** The forge returned an error, or did not respond (`status` 0). */
export class ForgeRequestError extends Schema.TaggedError<ForgeRequestError>()("ForgeRequestError", {
  /** The method of the Forge service, such as `readIssue`. */
  operation: Schema.String,
  /** HTTP status, for people and logs; 0 when there was no response (unreachable, cut off, timed out). Programs decide by `reason`. */
  status: Schema.Number,
  /** The meaning of the failure, from a closed list. */
  reason: ForgeReason,
  /** The reason in words, and what the operator can do; never the forge's own text. */
  detail: Schema.String,
  /** The text for an agent, without names of settings and products. Absent: the agent gets a text made from the status. */
  shown: Schema.optional(Schema.String),
}) {
  override get message(): string {
    return `forge: ${this.operation} failed${this.status === 0 ? "" : ` with ${this.status}`}: ${this.detail}`
  }
}

/** A FORGE_* variable is missing or malformed. */
export class ForgeConfigInvalid extends Schema.TaggedError<ForgeConfigInvalid>()("ForgeConfigInvalid", {
  variable: Schema.String,
  reason: Schema.String,
}) {
  override get message(): string {
    return `${this.variable}: ${this.reason}`
  }
}

/** The state database could not be read or written. */
export class StateStoreError extends Schema.TaggedError<StateStoreError>()("StateStoreError", {
  operation: Schema.String,
  /** What is wrong and what to do. */
  reason: Schema.String,
  cause: Cause,
}) {
  override get message(): string {
    return `state store: ${this.operation} failed: ${this.reason}`
  }
}

/** The sidecar could not be launched, found or stopped. */
export class SidecarError extends Schema.TaggedError<SidecarError>()("SidecarError", {
  /** The slug; `*` for all bottles, or for one that is not known yet. */
  slug: Schema.Union(Slug, Schema.Literal("*")),
  operation: Schema.String,
  reason: Schema.String,
  cause: Cause,
}) {
  override get message(): string {
    return `sidecar of "${this.slug}": ${this.operation} failed: ${this.reason}`
  }
}

/** No agent asked for that. */
export class RequestNotFound extends Schema.TaggedError<RequestNotFound>()("RequestNotFound", {
  id: Schema.String,
}) {
  override get message(): string {
    return `no request ${this.id}: "bot-bottle requests" lists those that wait for a decision`
  }
}

/** Somebody has decided about the request before. */
export class RequestDecided extends Schema.TaggedError<RequestDecided>()("RequestDecided", {
  id: Schema.String,
  slug: Slug,
  verdict: Schema.Literal("approved", "denied", "answered"),
  /** Who decided. */
  by: Schema.String,
}) {
  override get message(): string {
    return `request ${this.id} of bottle "${this.slug}" was ${this.verdict} by ${this.by} before, and that stays: "bot-bottle requests ${this.slug} --all" shows it`
  }
}
