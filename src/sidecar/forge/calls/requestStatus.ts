/** `request_status`: what became of a request. It can wait for the decision, for less time than clients give up after. */
import { Clock, Effect, Option, Schema } from "effect"
import { type BottleRequest, WAIT_SECONDS_MAX, stateOfRequest } from "../../../domain/AgentRequest.ts"
import { forgeCommands } from "../../../domain/ForgeCommands.ts"
import { CallFailure } from "../CallFailure.ts"
import * as ForgeCall from "../ForgeCall.ts"
import { described, text } from "../parameters.ts"
import { RequestAnswer, answerOf, showRequest } from "../requestAnswer.ts"

/** How often it looks for a decision, in milliseconds. */
const LOOK_MS = 250

/** How many calls may wait at once. */
const WAITING_MAX = 8

/** The call. */
export const requestStatus = ForgeCall.makeLocal({
  usage: forgeCommands.request_status,
  description: `What became of one of your requests: open, approved, denied or answered. Waits up to \`wait\` seconds, at most ${WAIT_SECONDS_MAX}, while it is open. People may take hours: if it stays open and you cannot go on without it, call signal_done with blocked and end; you are resumed with the decision.`,
  params: Schema.Struct({
    id: text(40, "The id that request returned"),
    wait: Schema.optional(
      described(
        Schema.Number.pipe(
          Schema.filter((wait) => Number.isInteger(wait) && wait >= 0 && wait <= WAIT_SECONDS_MAX, {
            message: () => `must be a number of seconds from 0 to ${WAIT_SECONDS_MAX}`,
          }),
        ),
        "Seconds to wait for a decision; 0 unless given",
        { type: "integer", minimum: 0, maximum: WAIT_SECONDS_MAX },
      ),
    ),
  }),
  success: RequestAnswer,
  writes: false,
  subject: ({ id }) => id,
  show: showRequest,
  serve: ({ asking: { tell, run, checkIn, ending } }) => {
    let waiting = 0
    const look = (id: string) =>
      Effect.flatMap(tell(id), Option.match({ onNone: () => unknown, onSome: Effect.succeed }))
    return {
      run: ({ id, wait = 0 }) =>
        Effect.gen(function* () {
          const until = (yield* Clock.currentTimeMillis) + (waiting < WAITING_MAX ? wait * 1000 : 0)
          waiting += 1
          const decided: Effect.Effect<BottleRequest, CallFailure> = Effect.gen(function* () {
            const request = yield* look(id)
            const now = yield* Clock.currentTimeMillis
            if (stateOfRequest(request) !== "open" || now >= until) return request
            yield* checkIn
            yield* Effect.sleep(LOOK_MS)
            return yield* decided
          })
          const request = yield* Effect.raceFirst(decided, Effect.zipRight(ending, look(id))).pipe(
            Effect.ensuring(Effect.sync(() => (waiting -= 1))),
          )
          return { answer: answerOf(request, run), detail: `request ${id} is ${stateOfRequest(request)}` }
        }),
    }
  },
})

const unknown = new CallFailure({
  kind: "params",
  message: "invalid params: id: this bottle made no request of that ID",
})
