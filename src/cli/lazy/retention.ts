/** How long `gc` keeps outputs and provenance: as the orchestrator's configuration says, if there is one. */
import { Effect, Option } from "effect"
import { readConfiguration } from "../../layers/manifests/configuration.ts"
import { DEFAULT_RETENTION, type Retention } from "../../programs/retention.ts"

/** The retention of the home's configuration, or the default. `false` when there is one that cannot be read: it may say longer. */
export const retentionOf: Effect.Effect<Retention | false> = Effect.suspend(() =>
  readConfiguration(Option.none(), process.env),
).pipe(
  Effect.map(
    Option.match({
      onNone: (): Retention => DEFAULT_RETENTION,
      onSome: ({ configuration }) => configuration.retention,
    }),
  ),
  Effect.catchAll(({ message }) =>
    Effect.as(
      Effect.logWarning(
        `${message}; outputs and provenance are kept until it can be read, because it may set their retention`,
      ),
      false as const,
    ),
  ),
)
