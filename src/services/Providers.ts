/** Providers define how an agent program is run: from data (manifest, prompt, run) to data (argv, environment, files). */
import type { Effect } from "effect"
import { Context } from "effect"
import type { RunFile } from "../domain/Bottle.ts"
import type { LaunchRefused } from "../domain/Errors.ts"
import type { AgentManifest, ProviderName } from "../domain/Manifest.ts"

/** What a provider knows about a run. */
export interface ProviderInput {
  readonly manifest: AgentManifest
  /** The operator's prompt with the forge overlay; `""` in an interactive run. */
  readonly prompt: string
  /** Base URL of the neck as the agent sees it, `http://127.0.0.1:7317` in a bottle. */
  readonly neck: string
  /** Whether the run has a forge, whose tools must be registered. */
  readonly forge: boolean
}

/** How the agent is run. */
export interface AgentInvocation {
  readonly argv: ReadonlyArray<string>
  readonly env: Readonly<Record<string, string>>
  /** The agent's stdin, also written to `/run/bottle/prompt`. */
  readonly prompt: string
  readonly files: ReadonlyArray<RunFile>
}

/** One provider: pure functions. */
export interface Provider {
  readonly headless: (input: ProviderInput) => AgentInvocation
  /** Continues the agent's own conversation when it can. */
  readonly resume: (input: ProviderInput) => AgentInvocation
  readonly interactive: (input: ProviderInput) => AgentInvocation
  /** Interactive, in a bottle that has had a run: continues as `resume` does. */
  readonly resumeInteractive: (input: ProviderInput) => AgentInvocation
}

/** Providers define how an agent program is run. */
export class Providers extends Context.Tag("bot-bottle/Providers")<
  Providers,
  { readonly get: (name: ProviderName) => Effect.Effect<Provider, LaunchRefused> }
>() {}
