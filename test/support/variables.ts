/** Changes of FORGE_* variables for a part of a test. */
import { ConfigProvider, Effect } from "effect"

/** Runs an effect with these variables set in place of the test's own. */
export const actingOn =
  (variables: Readonly<Record<string, string>>) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.configProviderWith((own) =>
      Effect.withConfigProvider(
        effect,
        ConfigProvider.orElse(ConfigProvider.fromMap(new Map(Object.entries(variables))), () => own),
      ),
    )
