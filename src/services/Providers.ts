/** Providers say how an agent program is run: data in (manifest, prompt, run), data out (argv, environment, files). */
import type { Effect } from "effect"
import { Context } from "effect"
import type { RunFile } from "../domain/Bottle.ts"
import type { LaunchRefused } from "../domain/Errors.ts"
import type { AgentManifest, ProviderName } from "../domain/Manifest.ts"

/** What a provider is told of a run. */
export interface ProviderInput {
  readonly manifest: AgentManifest
  /** The operator's prompt with the forge overlay; `""` in an interactive run. */
  readonly prompt: string
  /** Base URL of the neck as the agent sees it, `http://127.0.0.1:7317` in a bottle. */
  readonly neck: string
  /** Whether the run has a forge, whose tools are to be registered. */
  readonly forge: boolean
}

/** How the agent is run. */
export interface AgentInvocation {
  readonly argv: ReadonlyArray<string>
  readonly env: Readonly<Record<string, string>>
  /** What the agent reads on stdin and finds in `/run/bottle/prompt`. */
  readonly prompt: string
  readonly files: ReadonlyArray<RunFile>
}

/** One provider: pure functions. */
export interface Provider {
  readonly headless: (input: ProviderInput) => AgentInvocation
  /** Continues the agent's own conversation where it can. */
  readonly resume: (input: ProviderInput) => AgentInvocation
  readonly interactive: (input: ProviderInput) => AgentInvocation
  /** On a terminal, in a bottle that has had a run: goes on as `resume` does. */
  readonly resumeInteractive: (input: ProviderInput) => AgentInvocation
}

/** Providers say how an agent program is run. */
export class Providers extends Context.Tag("bot-bottle/Providers")<
  Providers,
  { readonly get: (name: ProviderName) => Effect.Effect<Provider, LaunchRefused> }
>() {}
