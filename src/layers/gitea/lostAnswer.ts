/** A write whose answer is lost may have had its effect: look before sending again. */
import { Effect, Option } from "effect"
import type { ForgeRequestError } from "../../domain/Errors.ts"
import { isTransient } from "./http.ts"

/** How often one write is sent at most. */
const SENDS = 3
/** Time for a forge that was cut off from us to finish what it began. */
const PAUSE = "300 millis"

/** No answer, a failing proxy, or the right status with a text that is not what it should be: the write may have happened. */
const isLost = (error: ForgeRequestError): boolean => isTransient(error) || error.reason === "Malformed"

/**
 * Sends; when the answer is lost, `look` finds the effect (some), finds none (none: sent again, three times in all), or
 * says why neither may be. When looking fails too, the error is the one of sending.
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
