/** unsentNotices: the notices that no receiver has accepted yet. */
import { Effect } from "effect"
import type { Notice, UnsentMessage } from "../domain/orchestrator/Outbox.ts"
import { Outbox } from "../services/Outbox.ts"

/** A notice that is not sent yet. */
export interface UnsentNotice extends Pick<UnsentMessage, "id" | "tries" | "nextAt"> {
  readonly notice: Notice
}

/** How many messages are read. */
const MOST = 1_000

/** The oldest unsent notices, in the order in which they were added. */
export const unsentNotices: Effect.Effect<
  ReadonlyArray<UnsentNotice>,
  Effect.Effect.Error<ReturnType<(typeof Outbox.Service)["unsent"]>>,
  Outbox
> = Effect.gen(function* () {
  const messages = yield* (yield* Outbox).unsent(MOST)
  return messages.flatMap(({ id, tries, nextAt, body }) =>
    body._tag === "Notice" ? [{ id, tries, nextAt, notice: body }] : [],
  )
})
