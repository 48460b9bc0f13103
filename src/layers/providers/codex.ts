/** The provider `codex`: OpenAI's Codex CLI, `codex` of npm's @openai/codex. */
import { Option } from "effect"
import type { AgentInvocation, Provider, ProviderInput } from "../../services/Providers.ts"
import { mcpUrl, routeUrl } from "./files.ts"

/** `-` reads the prompt from stdin. */
const headless = (input: ProviderInput): AgentInvocation => run(input, ["-"])

/** The newest conversation of the working directory; a new one when there is none. */
const resume = (input: ProviderInput): AgentInvocation => run(input, ["resume", "--last", "-"])

/** Codex has no file for an addition to its instructions, and an argument has at most 128 KiB: it goes ahead of the prompt. */
const run = (input: ProviderInput, what: ReadonlyArray<string>): AgentInvocation => ({
  argv: ["codex", "exec", ...options(input), "--skip-git-repo-check", ...what],
  env: {},
  prompt: [input.manifest.systemPrompt, input.prompt].filter((part) => part !== "").join("\n\n"),
  files: [],
})

const interactive = (input: ProviderInput): AgentInvocation => onTerminal(input, [])

/** The newest conversation of the working directory, which may be one of `exec`. */
const resumeInteractive = (input: ProviderInput): AgentInvocation =>
  onTerminal(input, ["resume", "--last", "--include-non-interactive"])

/** Without a prompt to go ahead of, the system prompt is an argument after all. */
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

/** A provider of its own name: the built-in `openai` would want a login. It sends no key, and the route adds one. */
const modelProvider = (neck: string) => ({
  model_provider: "bot-bottle",
  "model_providers.bot-bottle.name": "bot-bottle",
  "model_providers.bot-bottle.base_url": `${routeUrl(neck, "openai")}/v1`,
  "model_providers.bot-bottle.wire_api": "responses",
})

/** A login shell would set PATH anew, and `forge` would not be found. */
const keepPath = { allow_login_shell: false }

/** It runs at the model's provider and not in the bottle, so nothing here would limit or log what it looks up. */
const withoutWebSearch = { web_search: "disabled" }

/** Hosts that the bottle does not reach. */
const quiet = { "analytics.enabled": false, check_for_update_on_startup: false }

/** `-c key=value`; the value is TOML, whose strings and booleans are written as JSON's. */
const config = (values: Readonly<Record<string, string | boolean>>): ReadonlyArray<string> =>
  Object.entries(values).flatMap(([key, value]) => ["-c", `${key}=${JSON.stringify(value)}`])

/** The provider `codex`. Its conversations lie in the agent's home, in `~/.codex`, and are frozen with it. */
export const codex: Provider = { headless, resume, interactive, resumeInteractive }
