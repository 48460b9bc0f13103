/** Ends of containers: one stream of the engine's events for everybody in this process who waits for one. */
import * as NodeStream from "@effect/platform-node/NodeStream"
import { Deferred, Effect, Option, PubSub, RcRef, Schema, Scope, Stream } from "effect"
import type { IncomingMessage } from "node:http"
import { type Api, type Refused, type Unreachable, unreachable } from "./api.ts"

/** docker's name of the event, and podman's. Of all containers: podman 4.3 has no filter for a label with any value. */
const FILTERS = { type: ["container"], event: ["die", "died"] }

const EVENTS = `/events?filters=${encodeURIComponent(JSON.stringify(FILTERS))}`

const decode = Schema.decodeOption(
  Schema.parseJson(Schema.Struct({ Actor: Schema.Struct({ ID: Schema.String }) })),
)

/** Ends of an engine's containers. */
export interface Deaths {
  /**
   * Waits for the end of the container with an ID, unless it does not live. `lives` is asked when its end can no longer be missed.
   * Fails when the engine stops sending events.
   */
  readonly await: <E>(
    id: string,
    lives: Effect.Effect<boolean, E>,
  ) => Effect.Effect<void, E | Unreachable | Refused>
}

/** The events are read while anybody waits. */
export const makeDeaths = (api: Api): Effect.Effect<Deaths> =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const shared: RcRef.RcRef<Watch, Unreachable | Refused> = yield* Scope.extend(
      RcRef.make({
        acquire: Effect.flatMap(api.follow(EVENTS), (events) =>
          watching(
            events,
            Effect.suspend(() => RcRef.invalidate(shared)),
          ),
        ),
      }),
      scope,
    )
    return {
      await: (id, lives) =>
        Effect.scoped(
          Effect.gen(function* () {
            const { deaths, over } = yield* RcRef.get(shared)
            const heard = yield* Stream.fromPubSub(deaths, { scoped: true })
            if (!(yield* lives)) return
            const died = Stream.runDrain(Stream.takeUntil(heard, (dead) => dead === id))
            yield* Effect.raceFirst(Effect.interruptible(died), Effect.interruptible(Deferred.await(over)))
          }),
        ),
    }
  })

interface Watch {
  /** IDs of containers that have ended. */
  readonly deaths: PubSub.PubSub<string>
  /** Fails when no more events come. */
  readonly over: Deferred.Deferred<never, Unreachable>
}

const watching = Effect.fnUntraced(function* (events: IncomingMessage, forget: Effect.Effect<void>) {
  const watch: Watch = {
    deaths: yield* PubSub.unbounded<string>(),
    over: yield* Deferred.make<never, Unreachable>(),
  }
  const ended = unreachable(new Error("it stopped sending events"))
  yield* NodeStream.fromReadable(() => events, unreachable).pipe(
    Stream.decodeText(),
    Stream.splitLines,
    Stream.filterMap((line) => Option.map(decode(line), ({ Actor }) => Actor.ID)),
    Stream.runForEach((id) => PubSub.publish(watch.deaths, id)),
    Effect.zipRight(Effect.fail(ended)),
    Effect.tapErrorCause(() => forget),
    Effect.catchAll((error) => Deferred.fail(watch.over, error)),
    Effect.forkScoped,
  )
  return watch
})
