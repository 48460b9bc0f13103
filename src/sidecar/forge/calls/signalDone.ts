/** `signal_done`: the agent's report that its work has ended, and how. The first one counts. */
import { Effect, Schema } from "effect"
import { BottleDone } from "../../../domain/Bottle.ts"
import { forgeCommands } from "../../../domain/ForgeCommands.ts"
import { CallFailure, internalFailure } from "../CallFailure.ts"
import { stamp } from "../callContext.ts"
import * as ForgeCall from "../ForgeCall.ts"
import { text } from "../parameters.ts"

/** The call. It returns when the event is flushed to disk. */
export const signalDone = ForgeCall.makeLocal({
  usage: forgeCommands.signal_done,
  description:
    "Say that your unit of work has ended and how. Call it once, as the last thing you do: only the first call counts.",
  params: Schema.Struct({
    status: BottleDone.fields.status.annotations({
      description: "How it ended",
      message: () => ({ message: "must be success, no_change, blocked or failure", override: true }),
    }),
    summary: text(4000, "What was done, or what is in the way"),
  }),
  success: Schema.Null,
  writes: true,
  subject: ({ status }) => status,
  show: () => "done",
  serve: (context) => {
    let isDone = false
    const onlyOnce = Effect.suspend(() => (isDone ? Effect.fail(doneBefore) : Effect.void))
    return {
      check: () => onlyOnce,
      run: ({ status, summary }) =>
        Effect.zipRight(
          onlyOnce,
          Effect.gen(function* () {
            isDone = true
            yield* context.tell({ ...(yield* stamp(context)), kind: "done", status, summary })
            yield* context.syncLog
            return { answer: null, detail: `signalled done: ${status}` }
          }).pipe(
            Effect.catchAll((error) => {
              isDone = false
              return Effect.zipRight(
                Effect.logError("done could not be queued", error),
                Effect.fail(internalFailure),
              )
            }),
          ),
        ),
    }
  },
})

const doneBefore = new CallFailure({
  kind: "params",
  message: "done was signalled before, and the first signal counts",
})
