/** Streams of server-sent events. A viewer that reads slowly is waited for: nothing is lost, and no more than a page is held for it. */
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { Context, Effect, Layer, Ref, Schedule, Stream } from "effect"
import { TooMany } from "../api/errors.ts"
import { Operator } from "../api/Operator.ts"

/** An event. Its ID is what a viewer gives as `Last-Event-ID` to go on after it. */
export interface Sent {
  readonly id: number
  /** The kind; `message` unless given. */
  readonly event?: string
  readonly data: unknown
}

/** So many streams are open at a time. */
export const STREAMS_MAX = 128
/** A comment is sent so often, so that a connection that is gone is noticed, and no proxy closes one that is quiet. */
const HEARTBEAT = "15 seconds"
/** It is checked so often whether the viewer is still an operator. */
const CHECKED_EVERY = "5 seconds"
/** How long a viewer waits before it connects again, in milliseconds. */
const RETRY_MS = 2000

/** Counts the open streams. */
export class OpenStreams extends Context.Tag("bot-bottle/OpenStreams")<OpenStreams, Ref.Ref<number>>() {
  /** None at first. */
  static readonly layer = Layer.effect(OpenStreams, Ref.make(0))
}

/** The response with these events, as {@link textOf} makes them, as long as the viewer is an operator. With `ends` the last event says that nothing more comes. */
export const streamed = Effect.fnUntraced(function* <E extends { readonly message: string }>(
  events: Stream.Stream<string, E>,
  options: { readonly start: number; readonly ends?: boolean },
) {
  const open = yield* OpenStreams
  const { still } = yield* Operator
  if ((yield* Ref.get(open)) >= STREAMS_MAX)
    return yield* new TooMany({ message: `${STREAMS_MAX} streams are open already: close one` })
  const gone = Effect.repeat(still, { until: (is) => !is, schedule: Schedule.spaced(CHECKED_EVERY) })
  const last = options.ends === true ? Stream.make("event: end\ndata: {}\n\n") : Stream.empty
  // A viewer that loses its connection before the first event knows where it was.
  const begins = `retry: ${RETRY_MS}\n${textOf({ id: options.start, event: "start", data: {} })}`
  const text = events.pipe(
    Stream.concat(last),
    Stream.catchAll((error) =>
      Stream.drain(Stream.fromEffect(Effect.logWarning(`a stream of an operator failed: ${error.message}`))),
    ),
    Stream.merge(Stream.schedule(Stream.repeatValue(": \n\n"), Schedule.spaced(HEARTBEAT)), {
      haltStrategy: "left",
    }),
    Stream.interruptWhen(gone),
  )
  const counted = Effect.acquireRelease(
    Ref.update(open, (n) => n + 1),
    () => Ref.update(open, (n) => n - 1),
  )
  return HttpServerResponse.stream(
    Stream.unwrapScoped(Effect.as(counted, Stream.concat(Stream.make(begins), text))).pipe(Stream.encodeText),
    { contentType: "text/event-stream", headers: { "x-accel-buffering": "no" } },
  )
})

/** The text of an event. JSON has no line breaks of its own, so one line of data is enough. */
export const textOf = ({ id, event, data }: Sent): string =>
  `id: ${id}\n${event === undefined ? "" : `event: ${event}\n`}data: ${JSON.stringify(data)}\n\n`
