/** The stream of events: entries of the history, as they are stored. */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import { Chunk, Effect, Option, Schedule, Schema, Stream } from "effect"
import type { DurationInput } from "effect/Duration"
import { HistoryEntry } from "../../../domain/orchestrator/History.ts"
import { History } from "../../../services/History.ts"
import { ServiceApi } from "../ServiceApi.ts"
import { orUnavailable } from "./failures.ts"
import { OpenStreams, streamed } from "./streams.ts"

/** So many entries are held for a viewer. */
const PAGE = 100

const encode = Schema.encodeSync(HistoryEntry)

/** `events`. `poll`: how often it is looked whether something was stored. */
export const events = (poll: DurationInput) =>
  HttpApiBuilder.group(ServiceApi, "events", (handlers) =>
    Effect.map(Effect.context<History | OpenStreams>(), (context) =>
      handlers.handle("live", ({ headers, urlParams: { after } }) =>
        Effect.gen(function* () {
          const { all, newest } = yield* History
          const now = yield* orUnavailable(newest)
          // A number that was never given is from another database: what is new here is new to the viewer.
          const start = Math.min(headers["last-event-id"] ?? after ?? now, now)
          const entries = Stream.unfoldChunkEffect(start, (seq) =>
            all({ limit: PAGE, after: { seq } }).pipe(
              Effect.repeat({ until: (rows) => rows.length > 0, schedule: Schedule.spaced(poll) }),
              Effect.zipRight(all({ limit: PAGE, after: { seq } })),
              Effect.map((rows) => Option.some([Chunk.fromIterable(rows), rows.at(-1)?.seq ?? seq] as const)),
            ),
          )
          return yield* streamed(
            Stream.map(entries, (entry) => ({ id: entry.seq, data: encode(entry) })),
            { start },
          )
        }).pipe(Effect.provide(context)),
      ),
    ),
  )
