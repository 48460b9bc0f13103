/** BottleEvents keeps what a bottle's sidecar and its watcher report until it is stored, and when the agent last called. */
import type { Effect, Option } from "effect"
import { Context } from "effect"
import type { SidecarError } from "../domain/Errors.ts"
import type { NumberedEvent, QueueEvent } from "../domain/QueueEvent.ts"
import type { Slug } from "../domain/Slug.ts"

/** BottleEvents keeps the events of bottles until each is settled. */
export class BottleEvents extends Context.Tag("bot-bottle/BottleEvents")<
  BottleEvents,
  {
    /** Valid events not yet settled, in order; files that are not valid are moved to `queue/rejected/` and logged. */
    readonly events: (slug: Slug) => Effect.Effect<ReadonlyArray<NumberedEvent>, SidecarError>
    /** Adds an event, as the watcher does with `exit`, and returns its number. */
    readonly append: (event: QueueEvent) => Effect.Effect<number, SidecarError>
    /** Removes an event whose effect is stored. Idempotent. */
    readonly settle: (slug: Slug, number: number) => Effect.Effect<void, SidecarError>
    /** When the agent last called its neck (ISO 8601 in UTC). */
    readonly lastCheckin: (slug: Slug) => Effect.Effect<Option.Option<string>, SidecarError>
  }
>() {}
