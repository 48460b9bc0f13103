/** Handles a write whose response is lost: it may have had its effect, so look before sending again. */
import { Effect, Option } from "effect"
import type { ForgeRequestError } from "../../domain/Errors.ts"
import { isTransient } from "./http.ts"

/** How often one write is sent at most. */
const SENDS = 3
/** Time for a forge that was cut off from us to finish the request. */
const PAUSE = "300 millis"

/** No response, a failing proxy, or the right status with an unexpected body: the write may have happened. */
const isLost = (error: ForgeRequestError): boolean => isTransient(error) || error.reason === "Malformed"

/**
 * Sends. When the response is lost, `look` finds the effect (some), finds none (none: sent again, three times in all), or fails because
 * neither can be decided. When looking fails too, the error is that of sending.
 */
export const sendOnce = <A>(
  send: Effect.Effect<A, ForgeRequestError>,
  look: Effect.Effect<Option.Option<A>, ForgeRequestError>,
  sends = SENDS,
): Effect.Effect<A, ForgeRequestError> =>
  Effect.catchIf(send, isLost, (lost) =>
    Effect.sleep(PAUSE).pipe(
      Effect.zipRight(look),
      Effect.mapError((error) => (isLost(error) ? lost : error)),
      Effect.flatMap(
        Option.match({
          onSome: Effect.succeed,
          onNone: () => (sends > 1 ? sendOnce(send, look, sends - 1) : Effect.fail(lost)),
        }),
      ),
    ),
  )
