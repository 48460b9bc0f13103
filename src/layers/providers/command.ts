/** The provider `command`: runs the manifest's own argv unchanged. */
import { Option } from "effect"
import type { AgentInvocation, Provider, ProviderInput } from "../../services/Providers.ts"

/** A command has no separate system prompt, so it goes before the prompt. It has no conversation to continue either. */
const invocation = ({ manifest, prompt }: ProviderInput): AgentInvocation => ({
  argv: Option.getOrElse(manifest.command, () => []),
  env: {},
  prompt: [manifest.systemPrompt, prompt].filter((part) => part !== "").join("\n\n"),
  files: [],
})

/** The provider `command`: start, resume and interactive are the same. */
export const command: Provider = {
  headless: invocation,
  resume: invocation,
  interactive: invocation,
  resumeInteractive: invocation,
}
