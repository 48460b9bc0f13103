/** Asking: how calls at the neck ask a person and hear what was decided. */
import { Effect, type Option } from "effect"
import type { BottleRequest, RequestDetail, RequestKind } from "../../domain/AgentRequest.ts"
import type { RequestsApi, RequestsUnusable } from "../record/Requests.ts"
import { type CallFailure, internalFailure } from "./CallFailure.ts"

/** What the agent of a run asks a person for. */
export interface Asking {
  /** Number of the run. */
  readonly run: number
  /** The kinds that this run may ask for. */
  readonly kinds: ReadonlySet<RequestKind>
  /** The repositories of the bottle, with their protected paths. */
  readonly repositories: ReadonlyArray<{
    readonly name: string
    readonly protectedPaths: ReadonlyArray<string>
  }>
  /** Requests of this run, and those of earlier runs, oldest first. */
  readonly all: Effect.Effect<ReadonlyArray<BottleRequest>, CallFailure>
  /** Adds a request. */
  readonly add: (detail: RequestDetail, reason: string) => Effect.Effect<BottleRequest, CallFailure>
  /** The request of that ID for the agent. A decision counts in the run whose agent has read it. */
  readonly tell: (id: string) => Effect.Effect<Option.Option<BottleRequest>, CallFailure>
  /** Records that the agent is alive, while it waits. */
  readonly checkIn: Effect.Effect<void>
  /** Returns when the sidecar has to end: a call that waits then answers. */
  readonly ending: Effect.Effect<void>
}

/** The same requests, with failures in the agent's words. */
export const makeAsking = ({
  requests: { kinds, all, add, tell },
  ...rest
}: Pick<Asking, "run" | "repositories" | "checkIn" | "ending"> & {
  readonly requests: RequestsApi
}): Asking => ({
  ...rest,
  kinds,
  all: inWords(all),
  add: (detail, reason) => inWords(add(detail, reason)),
  tell: (id) => inWords(tell(id)),
})

const inWords = <A>(effect: Effect.Effect<A, RequestsUnusable>): Effect.Effect<A, CallFailure> =>
  effect.pipe(
    Effect.tapError((error) => Effect.logError("requests cannot be read or stored", error)),
    Effect.mapError(() => internalFailure),
  )
