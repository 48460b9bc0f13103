/** The providers there are, each in a file of its own. */
import { Effect, Layer } from "effect"
import { LaunchRefused } from "../../domain/Errors.ts"
import type { ProviderName } from "../../domain/Manifest.ts"
import type { Provider } from "../../services/Providers.ts"
import { Providers } from "../../services/Providers.ts"
import { command } from "./command.ts"

const built: Readonly<Partial<Record<ProviderName, Provider>>> = { command }

/** Providers by name. One that is not built yet refuses the launch. */
export const layer: Layer.Layer<Providers> = Layer.succeed(
  Providers,
  Providers.of({
    get: (name) =>
      Effect.fromNullable(built[name]).pipe(
        Effect.orElseFail(
          () =>
            new LaunchRefused({
              reason: `provider ${name} is not built yet in this version: use the provider ${Object.keys(built).join(" or ")}`,
            }),
        ),
      ),
  }),
)
