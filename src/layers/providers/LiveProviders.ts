/** All providers, each in its own file. */
import { Effect, Layer } from "effect"
import type { ProviderName } from "../../domain/Manifest.ts"
import type { Provider } from "../../services/Providers.ts"
import { Providers } from "../../services/Providers.ts"
import { claude } from "./claude.ts"
import { codex } from "./codex.ts"
import { command } from "./command.ts"
import { pi } from "./pi.ts"

const providers: Readonly<Record<ProviderName, Provider>> = { claude, codex, pi, command }

/** Providers by name. */
export const layer: Layer.Layer<Providers> = Layer.succeed(
  Providers,
  Providers.of({ get: (name) => Effect.succeed(providers[name]) }),
)
