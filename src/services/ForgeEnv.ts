/** FORGE_* variables as a map: they name a run's forge in the specification and on the command line. They are read once, on entry. */
import { ConfigProvider, Effect, Redacted } from "effect"

/** Values of FORGE_* variables; secrets are `Redacted`. An empty map is a run without a forge. */
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
