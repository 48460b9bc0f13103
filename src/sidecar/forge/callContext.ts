/** What the methods of the forge protocol share: the run's forge, what is refused in every text, and what the watcher is told. */
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
import { CallFailure } from "./CallFailure.ts"
import type { LimitKeeper } from "./limits.ts"
import type { CallLog } from "../record/OperationLog.ts"
import type { RunScope } from "./RunScope.ts"

/** The forge of a run, and where it may be written to. A call that only reads has the reads alone. */
export interface RunForge<Api extends ForgeReads = ForgeApi> {
  readonly api: Api
  /** Name of the forge's host. */
  readonly host: string
  readonly scope: RunScope
  /** PRs that the launcher knows of. */
  readonly given: ReadonlyArray<number>
  /** Refs that a PR's head must match. */
  readonly push: ReadonlyArray<string>
  /** The branch that a PR goes to when the agent names none; the default branch unless given. */
  readonly base?: string | undefined
  /** Whether this bottle has pushed that branch; always, where its pushes do not pass the gate. */
  readonly isPushed: (branch: string) => boolean
}

/** The forge of a run, with what the neck's guards need of it. */
export interface ServedForge extends RunForge {
  /** How texts are searched for references that the forge would act on. */
  readonly closing: ClosingOptions
}

/**
 * Opens a pull request with `open` when its head may be merged into that base (the default branch unless given), as both
 * are at the upstream now. No push of this bottle comes between the two.
 */
export type Propose = <A, E>(
  head: string,
  base: string | undefined,
  open: (base: string | undefined) => Effect.Effect<A, E>,
) => Effect.Effect<A, E | CallFailure>

/** What a call may use of its run, beside the forge. */
export interface CallContext {
  readonly slug: Slug
  /** Opens a pull request from a head that may be merged, as the git gate sees it. */
  readonly propose: Propose
  /** Puts an event into the queue; done when it would survive a power cut. */
  readonly tell: (event: QueueEvent) => Effect.Effect<number, SidecarError>
  /** Remembers a PR that was opened, for a sidecar launched again. */
  readonly remember: (pr: number) => Effect.Effect<void>
  /** Makes the lines of the operation log so far survive a power cut. */
  readonly syncLog: Effect.Effect<void>
}

/** What the neck uses of a run to guard and log its calls. */
export interface NeckContext extends CallContext {
  readonly log: CallLog
  /** Absent: every call that needs one answers that there is none. */
  readonly forge: ServedForge | undefined
  /** Looks for secrets in what would leave the bottle. */
  readonly scanText: SecretScannerApi["scanText"]
  readonly keeper: Pick<LimitKeeper, "takeComment" | "giveComment">
}

/** An agent in a loop must not fill the queue; the operation log has every refusal. */
const BLOCKED_EVENTS_MAX = 100

/** The refusal of a call of the forge in a run without one. */
export const noForge = new CallFailure({ kind: "no-forge", message: "this run has no forge" })

/** Fails when a text would close, reopen or log time on what is out of scope. */
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

/** Numbers may have any number of zeros before. */
const REFERENCE_SHOWN = 200

/** What the forge would do on reading such a text. */
export const actOf = ({ keyword, reference }: ClosingReference): string =>
  `"${keyword}" with "${reference.slice(0, REFERENCE_SHOWN)}" would close, reopen or log time on it`

/** Tells the watcher of a write that was refused as out of scope. */
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

/** Puts an event into the queue; what cannot be queued is logged. */
export const tellOrWarn = (context: CallContext, event: QueueEvent): Effect.Effect<void> =>
  Effect.catchAll(context.tell(event), (error) => Effect.logError(`${event.kind} could not be queued`, error))

/** What every event of the bottle begins with. */
export const stamp = ({ slug }: CallContext) =>
  Effect.map(Clock.currentTimeMillis, (now) => ({
    version: 1 as const,
    slug,
    at: new Date(now).toISOString(),
  }))
