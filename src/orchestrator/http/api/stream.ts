/** Streams of server-sent events: what asks for one, and what one is. */
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import { Schema } from "effect"
import { TooMany, Unavailable } from "./errors.ts"

/** The ID of the last event that was received: the stream goes on after it. */
export const LastEventId = Schema.Struct({
  "last-event-id": Schema.optional(Schema.NumberFromString.pipe(Schema.int(), Schema.nonNegative())),
})

/** A stream of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
export const EventStream = HttpApiSchema.Text({ contentType: "text/event-stream" })

/** `GET /events`: entries of the history, as JSON. Without `Last-Event-ID` and `after`, those from now on. */
export const events = HttpApiGroup.make("events")
  .add(
    HttpApiEndpoint.get("live", "/events")
      .setHeaders(LastEventId)
      .setUrlParams(
        Schema.Struct({
          /** Number of an event, such as `event` of the status; `Last-Event-ID` counts before it. */
          after: Schema.optional(Schema.NumberFromString.pipe(Schema.int(), Schema.nonNegative())),
        }),
      )
      .addSuccess(EventStream)
      .addError(TooMany),
  )
  .addError(Unavailable)
