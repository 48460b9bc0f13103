/** The provider `codex`: OpenAI's Codex CLI, `codex` of npm's @openai/codex. */
import { Option } from "effect"
import type { AgentInvocation, Provider, ProviderInput } from "../../services/Providers.ts"
import { mcpUrl, routeUrl } from "./files.ts"

/** `-` reads the prompt from stdin. */
const headless = (input: ProviderInput): AgentInvocation => run(input, ["-"])

/** The newest conversation of the working directory, or a new one when there is none. */
const resume = (input: ProviderInput): AgentInvocation => run(input, ["resume", "--last", "-"])

/** Codex has no file for additional instructions, and an argument is limited to 128 KiB, so the system prompt goes before the prompt. */
const run = (input: ProviderInput, what: ReadonlyArray<string>): AgentInvocation => ({
  argv: ["codex", "exec", ...options(input), "--skip-git-repo-check", ...what],
  env: {},
  prompt: [input.manifest.systemPrompt, input.prompt].filter((part) => part !== "").join("\n\n"),
  files: [],
})

const interactive = (input: ProviderInput): AgentInvocation => onTerminal(input, [])

/** The newest conversation of the working directory, including those of `exec`. */
const resumeInteractive = (input: ProviderInput): AgentInvocation =>
  onTerminal(input, ["resume", "--last", "--include-non-interactive"])

/** Without a prompt to put it before, the system prompt is an argument after all. */
const onTerminal = (input: ProviderInput, what: ReadonlyArray<string>): AgentInvocation => {
  const { systemPrompt } = input.manifest
  return {
    argv: [
      "codex",
      ...options(input),
      ...(systemPrompt === "" ? [] : config({ developer_instructions: systemPrompt })),
      ...what,
    ],
    env: {},
    prompt: input.prompt,
    files: [],
  }
}

const options = ({ manifest, neck, forge }: ProviderInput): ReadonlyArray<string> => [
  "--dangerously-bypass-approvals-and-sandbox",
  ...Option.match(manifest.model, { onNone: () => [], onSome: (model) => ["--model", model] }),
  ...config({
    ...modelProvider(neck),
    ...keepPath,
    ...withoutWebSearch,
    ...quiet,
    ...(forge && { "mcp_servers.forge.url": mcpUrl(neck) }),
  }),
]

/** A provider with its own name: the built-in `openai` would require a login. It sends no key; the route adds one. */
const modelProvider = (neck: string) => ({
  model_provider: "bot-bottle",
  "model_providers.bot-bottle.name": "bot-bottle",
  "model_providers.bot-bottle.base_url": `${routeUrl(neck, "openai")}/v1`,
  "model_providers.bot-bottle.wire_api": "responses",
})

/** A login shell would reset PATH, and `forge` would not be found. */
const keepPath = { allow_login_shell: false }

/** It runs at the model's provider instead of in the bottle, so nothing here would limit or log it. */
const withoutWebSearch = { web_search: "disabled" }

/** Hosts that the bottle cannot reach. */
const quiet = { "analytics.enabled": false, check_for_update_on_startup: false }

/** `-c key=value`; the value is TOML, whose strings and booleans are written as in JSON. */
const config = (values: Readonly<Record<string, string | boolean>>): ReadonlyArray<string> =>
  Object.entries(values).flatMap(([key, value]) => ["-c", `${key}=${JSON.stringify(value)}`])

/** The provider `codex`. Its conversations are in the agent's home, in `~/.codex`, and are frozen with it. */
export const codex: Provider = { headless, resume, interactive, resumeInteractive }
