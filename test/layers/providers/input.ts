/** What the tests of providers give them. */
import { Option } from "effect"
import type { AgentManifest, ProviderName } from "../../../src/domain/Manifest.ts"
import type { ProviderInput } from "../../../src/services/Providers.ts"

export const NECK = "http://127.0.0.1:7317"

/** An agent without model and system prompt, on a run with a forge, unless told otherwise. */
export const inputFor = (
  provider: ProviderName,
  manifest: Partial<AgentManifest> = {},
  input: Partial<ProviderInput> = {},
): ProviderInput => ({
  manifest: {
    name: "a",
    provider,
    bottle: Option.none(),
    model: Option.none(),
    description: Option.none(),
    command: Option.none(),
    systemPrompt: "",
    ...manifest,
  },
  prompt: "fix it\n",
  neck: NECK,
  forge: true,
  ...input,
})

/** What lies beside the neck, by path. */
export const filesOf = (invocation: {
  readonly files: ReadonlyArray<{ readonly path: string; readonly content: string }>
}): Readonly<Record<string, string>> =>
  Object.fromEntries(invocation.files.map(({ path, content }) => [path, content]))
