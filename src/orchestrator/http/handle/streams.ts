/** Streams of server-sent events. A viewer that reads slowly is waited for: nothing is lost, and no more than a page is held for it. */
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { Cause, Chunk, Clock, Context, Effect, Exit, Fiber, Layer, Option, Ref, Stream } from "effect"
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
/** A comment is sent after so many milliseconds without an event, so that a connection that is gone is noticed, and no proxy closes one that is quiet. */
const HEARTBEAT = 15_000
/** It is checked so often whether the viewer is still an operator, in milliseconds. */
const CHECKED_EVERY = 5_000
/** How long a viewer waits before it connects again, in milliseconds. */
const RETRY_MS = 2000

/** Counts the open streams. */
export class OpenStreams extends Context.Tag("bot-bottle/OpenStreams")<OpenStreams, Ref.Ref<number>>() {
  /** None at first. */
  static readonly layer = Layer.effect(OpenStreams, Ref.make(0))
}

/**
 * The response with these events, as {@link textOf} makes them, as long as the viewer is an operator. With `ends` the last event says that
 * nothing more comes. One fiber waits for events, and one of the response writes them, with comments in between: streams that are put
 * together by `Stream.merge` take several times the work to open and to close.
 */
export const streamed = Effect.fnUntraced(function* <E extends { readonly message: string }>(
  events: Stream.Stream<string, E>,
  options: { readonly start: number; readonly ends?: boolean },
) {
  const open = yield* OpenStreams
  const { still } = yield* Operator
  if ((yield* Ref.get(open)) >= STREAMS_MAX)
    return yield* new TooMany({ message: `${STREAMS_MAX} streams are open already: close one` })
  const counted = Effect.acquireRelease(
    Ref.update(open, (n) => n + 1),
    () => Ref.update(open, (n) => n - 1),
  )
  const last = Chunk.make("event: end\ndata: {}\n\n")
  // A viewer that loses its connection before the first event knows where it was.
  const begins = Chunk.make(`retry: ${RETRY_MS}\n${textOf({ id: options.start, event: "start", data: {} })}`)
  const text = Effect.gen(function* () {
    yield* counted
    const scope = yield* Effect.scope
    const pull = Effect.exit(yield* Stream.toPull(events))
    let pulling: Fiber.Fiber<Effect.Effect.Success<typeof pull>> | undefined
    let state: "new" | "open" | "over" = "new"
    let checkedAt = yield* Clock.currentTimeMillis
    let sentAt = checkedAt
    return Stream.repeatEffectChunkOption(
      Effect.gen(function* () {
        if (state === "over") return yield* Effect.fail(Option.none<never>())
        if (state === "new") return ((state = "open"), begins)
        pulling ??= yield* Effect.forkIn(pull, scope)
        // What is pulled meanwhile is not lost when it takes longer.
        const pulled = yield* Effect.timeoutOption(Fiber.join(pulling), CHECKED_EVERY)
        const now = yield* Clock.currentTimeMillis
        if (now < checkedAt || now - checkedAt >= CHECKED_EVERY) {
          if (!(yield* still)) return yield* Effect.fail(Option.none<never>())
          checkedAt = now
        }
        if (Option.isNone(pulled)) {
          if (now >= sentAt && now - sentAt < HEARTBEAT) return Chunk.empty<string>()
          sentAt = now
          return Chunk.make(": \n\n")
        }
        pulling = undefined
        sentAt = now
        if (Exit.isSuccess(pulled.value)) return pulled.value.value
        state = "over"
        const failure = Cause.failureOption(pulled.value.cause)
        if (Option.isNone(failure)) return yield* Effect.die(Cause.squash(pulled.value.cause))
        if (Option.isNone(failure.value)) return options.ends === true ? last : Chunk.empty<string>()
        yield* Effect.logWarning(`a stream of an operator failed: ${failure.value.value.message}`)
        return Chunk.empty<string>()
      }),
    )
  })
  return HttpServerResponse.stream(Stream.unwrapScoped(text).pipe(Stream.encodeText), {
    contentType: "text/event-stream",
    headers: { "x-accel-buffering": "no" },
  })
})

/** The text of an event. JSON has no line breaks of its own, so one line of data is enough. */
export const textOf = ({ id, event, data }: Sent): string =>
  `id: ${id}\n${event === undefined ? "" : `event: ${event}\n`}data: ${JSON.stringify(data)}\n\n`
