/** Orchestrator: the engine on one machine, its configuration, and the streams of hints that feed it. */
import { Effect, Layer, Stream } from "effect"
import type { DurationInput } from "effect/Duration"
import type { Configuration } from "../domain/orchestrator/Configuration.ts"
import type { InboxHint } from "../domain/orchestrator/InboxHint.ts"
import type { HostName } from "../domain/orchestrator/StoredOperation.ts"
import { LifeCycleEngine } from "../services/LifeCycleEngine.ts"
import * as LocalLifeCycleEngine from "./engine/LocalLifeCycleEngine.ts"
import { servedBy, type ServedOptions } from "./served.ts"
import { ServedRepositories } from "./ServedRepositories.ts"

/** Options of the orchestrator. */
export interface OrchestratorOptions<E, R> extends ServedOptions {
  readonly configuration: Configuration
  /** Name of this machine, in the operations that it carries out. */
  readonly host: HostName
  /** How often the engine looks for hints and timers; 1 second unless given. */
  readonly poll?: DurationInput
  /** What says that an issue is to be looked at: a sweep, a queue. A stream that fails is logged, and the others go on. */
  readonly hints?: ReadonlyArray<Stream.Stream<InboxHint, E, R>>
}

/**
 * Serves the repositories of a configuration until its scope ends; agents go on. Fails with `HomeServed` when another
 * process serves the home. Stores, forges and backends are the caller's.
 */
export const layer = <E = never, R = never>(options: OrchestratorOptions<E, R>) => {
  const { configuration, host, poll, hints = [] } = options
  const engine = LocalLifeCycleEngine.layer({ host, ...(poll !== undefined && { poll }) })
  return Layer.scopedDiscard(
    Effect.gen(function* () {
      const { hint } = yield* LifeCycleEngine
      yield* Effect.forEach(
        hints,
        (stream) =>
          Stream.runForEach(stream, hint).pipe(
            Effect.catchAllCause((cause) => Effect.logError("a source of hints has failed", cause)),
            Effect.forkScoped,
          ),
        { discard: true },
      )
    }),
  ).pipe(
    Layer.provideMerge(engine),
    Layer.provideMerge(Layer.succeed(ServedRepositories, servedBy(configuration, options))),
  )
}
