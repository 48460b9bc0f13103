/** The provider `command`: the manifest's own argv, as it is. */
import { Option } from "effect"
import type { AgentInvocation, Provider, ProviderInput } from "../../services/Providers.ts"

/** A command has no means of its own for a system prompt, so it goes ahead of the prompt; nor has it a conversation to go on with. */
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
