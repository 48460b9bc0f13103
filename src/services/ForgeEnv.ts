/** FORGE_* variables as a map: how the specification and the CLI name a run's forge. Read once, where they come in. */
import { ConfigProvider, Effect, Redacted } from "effect"

/** Values of FORGE_* variables; secrets are `Redacted`. An empty map: a run without a forge. */
export type ForgeEnv = Readonly<Record<string, string | Redacted.Redacted>>

/** Lets an effect that reads configuration read this map instead of the environment. */
export const withForgeEnv =
  (env: ForgeEnv) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withConfigProvider(effect, ConfigProvider.fromMap(plainText(env)))

const plainText = (env: ForgeEnv): Map<string, string> =>
  new Map(
    Object.entries(env).map(([name, value]) => [
      name,
      Redacted.isRedacted(value) ? Redacted.value(value) : value,
    ]),
  )
