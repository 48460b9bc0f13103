/** Turns failures of programs and stores into errors of the HTTP interface. */
import { Effect } from "effect"
import { Conflict, NotFound, Unavailable } from "../api/errors.ts"

interface Failure {
  readonly _tag: string
  readonly message: string
}

/** A store that does not respond is the service's problem, and its words are not for the network. */
export const unavailable = (error: Failure): Effect.Effect<never, Unavailable> =>
  Effect.zipRight(
    Effect.logWarning(`a request of an operator failed: ${error.message}`),
    new Unavailable({ message: "it does not respond: the service's log says why" }),
  )

/** Any failure is the service's problem. */
export const orUnavailable = <A, E extends Failure, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.catchAll(effect, unavailable)

/** An unknown bottle is not found, and what the bottle's state forbids is a conflict. */
export const ofBottle = <A, E extends Failure, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.catchAll(effect, (error): Effect.Effect<never, Conflict | NotFound | Unavailable> => {
    if (error._tag === "BottleNotFound") return new NotFound({ message: error.message })
    return CONFLICTS.has(error._tag) ? new Conflict({ message: error.message }) : unavailable(error)
  })

/** A bottle that is only read has no conflicts. */
export const ofReadBottle = <A, E extends Failure, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.catchAll(effect, (error): Effect.Effect<never, NotFound | Unavailable> =>
    error._tag === "BottleNotFound" || error._tag === "InvalidInput"
      ? new NotFound({ message: error.message })
      : unavailable(error),
  )

const CONFLICTS = new Set(["BottleBusy", "BottleRunning", "FreezeFailed", "InvalidInput", "LaunchRefused"])
