/** The shared context of forge calls: the run's forge, checks of every text, and events for the watcher. */
import { Clock, Effect } from "effect"
import {
  type ClosingOptions,
  type ClosingReference,
  closingReferenceOutside,
} from "../../domain/ClosingKeywords.ts"
import type { SidecarError } from "../../domain/Errors.ts"
import type { QueueEvent } from "../../domain/QueueEvent.ts"
import type { Slug } from "../../domain/Slug.ts"
import type { ForgeApi, ForgeReads } from "../../services/Forge.ts"
import type { SecretScannerApi } from "../../services/SecretScanner.ts"
import type { Asking } from "./asking.ts"
import { CallFailure } from "./CallFailure.ts"
import type { LimitKeeper } from "./limits.ts"
import type { CallLog } from "../record/OperationLog.ts"
import type { RunScope } from "./RunScope.ts"

/** The forge of a run, and where it may write. A call that only reads gets only the read methods. */
export interface RunForge<Api extends ForgeReads = ForgeApi> {
  readonly api: Api
  /** Name of the forge's host. */
  readonly host: string
  readonly scope: RunScope
  /** PRs that the launcher knows of. */
  readonly given: ReadonlyArray<number>
  /** Refs that a pull request's head must match. */
  readonly push: ReadonlyArray<string>
  /** The base branch of a pull request when the agent names none; the default branch unless given. */
  readonly base?: string | undefined
  /** Whether this bottle has pushed that branch; always true when its pushes do not pass the gate. */
  readonly isPushed: (branch: string) => boolean
}

/** The forge of a run, with what the neck's checks need. */
export interface ServedForge extends RunForge {
  /** How texts are searched for references that the forge would act on. */
  readonly closing: ClosingOptions
}

/**
 * Opens a pull request with `open` if its head may be merged into that base (the default branch unless given), both as they are at the
 * upstream now. No push of this bottle can happen in between.
 */
export type Propose = <A, E>(
  head: string,
  base: string | undefined,
  open: (base: string | undefined) => Effect.Effect<A, E>,
) => Effect.Effect<A, E | CallFailure>

/** What a call may use from its run, in addition to the forge. */
export interface CallContext {
  readonly slug: Slug
  /** Opens a pull request from a head that may be merged, according to the git gate. */
  readonly propose: Propose
  /** Adds an event to the queue. Completes when it would survive a power cut. */
  readonly tell: (event: QueueEvent) => Effect.Effect<number, SidecarError>
  /** Records a pull request that was opened, for a relaunched sidecar. */
  readonly remember: (pr: number) => Effect.Effect<void>
  /** Flushes the operation log, so that its lines survive a power cut. */
  readonly syncLog: Effect.Effect<void>
  /** What the agent asks a person for. */
  readonly asking: Asking
}

/** What the neck needs from a run to check and log its calls. */
export interface NeckContext extends CallContext {
  readonly log: CallLog
  /** Absent: every call that needs a forge fails. */
  readonly forge: ServedForge | undefined
  /** Searches for secrets in what would leave the bottle. */
  readonly scanText: SecretScannerApi["scanText"]
  readonly keeper: Pick<LimitKeeper, "takeComment" | "giveComment">
  /** A note for the agent with every answer, when a limit is nearly used up; undefined before that. */
  readonly notice: () => string | undefined
}

/** An agent in a loop must not fill the queue. The operation log has every refusal. */
const BLOCKED_EVENTS_MAX = 100

/** The refusal of a forge call in a run without a forge. */
export const noForge = new CallFailure({ kind: "no-forge", message: "this run has no forge" })

/** Fails when a text would close, reopen or log time on something outside of the scope. */
export const refuseClosing = Effect.fnUntraced(function* (forge: ServedForge, body: string) {
  const { owner, repo } = forge.api.repository
  const find = (writable: ReadonlyArray<number>) =>
    closingReferenceOutside(body, { owner, repo, writable }, forge.closing)
  if (find((yield* forge.scope.known).writable) === undefined) return
  const { writable } = yield* forge.scope.resolved
  const found = find(writable)
  if (found === undefined) return
  const acts = actOf(found)
  return yield* new CallFailure({
    kind: "scope",
    message: `${acts}, and it is out of assigned scope (writable: ${writable.join(", ")}): reword the text`,
    denied: acts,
  })
})

/** Numbers may have any number of leading zeros. */
const REFERENCE_SHOWN = 200

/** What the forge would do when it reads such a text. */
export const actOf = ({ keyword, reference }: ClosingReference): string =>
  `"${keyword}" with "${reference.slice(0, REFERENCE_SHOWN)}" would close, reopen or log time on it`

/** Reports a write outside of the scope to the watcher. */
export const blocking = (context: NeckContext, operation: string) => {
  let left = BLOCKED_EVENTS_MAX
  return (failure: CallFailure, number: number): Effect.Effect<void> =>
    Effect.suspend(() => {
      const { forge } = context
      if (failure.kind !== "scope" || forge === undefined || (left -= 1) < 0) return Effect.void
      return Effect.gen(function* () {
        const { writable } = yield* forge.scope.known
        const event = {
          ...(yield* stamp(context)),
          kind: "blocked-write" as const,
          operation,
          number,
          writable,
          ...(failure.denied !== undefined && { denied: failure.denied }),
        }
        yield* tellOrWarn(context, event)
      })
    })
}

/** Adds an event to the queue. If that fails, the event is logged. */
export const tellOrWarn = (context: CallContext, event: QueueEvent): Effect.Effect<void> =>
  Effect.catchAll(context.tell(event), (error) => Effect.logError(`${event.kind} could not be queued`, error))

/** The common fields of every event of the bottle. */
export const stamp = ({ slug }: CallContext) =>
  Effect.map(Clock.currentTimeMillis, (now) => ({
    version: 1 as const,
    slug,
    at: new Date(now).toISOString(),
  }))
