/** BottleEvents holds the events of a bottle's sidecar and watcher until their effect is stored, and the time of the agent's last call. */
import type { Effect, Option } from "effect"
import { Context } from "effect"
import type { SidecarError } from "../domain/Errors.ts"
import type { NumberedEvent, QueueEvent } from "../domain/QueueEvent.ts"
import type { Slug } from "../domain/Slug.ts"
import type { RunMeter } from "../domain/usage/RunMeter.ts"

/** BottleEvents holds the events of bottles until each is settled. */
export class BottleEvents extends Context.Tag("bot-bottle/BottleEvents")<
  BottleEvents,
  {
    /** Valid events that are not settled, in order. Invalid files are moved to `queue/rejected/` and logged. */
    readonly events: (slug: Slug) => Effect.Effect<ReadonlyArray<NumberedEvent>, SidecarError>
    /** Adds an event and returns its number. The watcher adds `exit` in this way. */
    readonly append: (event: QueueEvent) => Effect.Effect<number, SidecarError>
    /** Removes an event once its effect is stored. Idempotent. */
    readonly settle: (slug: Slug, number: number) => Effect.Effect<void, SidecarError>
    /** When the agent last called its neck (ISO 8601 in UTC). */
    readonly lastCheckin: (slug: Slug) => Effect.Effect<Option.Option<string>, SidecarError>
    /** How many comments a run has posted, and how many it may post; none when its sidecar did not say. */
    readonly comments: (
      slug: Slug,
      run: number,
    ) => Effect.Effect<Option.Option<{ readonly used: number; readonly limit: number }>, SidecarError>
    /**
     * What a run used, as its sidecar counted it; none when it counted nothing. `underWay`: its sidecar may still be at work, and calls
     * without an end are left out. Otherwise they count with the most that they were reckoned to use.
     */
    readonly use: (
      slug: Slug,
      run: number,
      underWay: boolean,
    ) => Effect.Effect<Option.Option<RunMeter>, SidecarError>
  }
>() {}
