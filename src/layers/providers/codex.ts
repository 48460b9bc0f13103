/** The provider `codex`: OpenAI's Codex CLI, `codex` of npm's @openai/codex. */
import { Option } from "effect"
import type { AgentInvocation, Provider, ProviderInput } from "../../services/Providers.ts"
import type { RunFile } from "../../domain/Bottle.ts"
import { SUBSCRIPTION_ROUTE_NAMES } from "../../domain/SubscriptionRoutes.ts"
import { placeholderLogin } from "./codexLogin.ts"
import { mcpUrl, pathInBottle, PLACEHOLDER_KEY, routeUrl } from "./files.ts"

/** `-` reads the prompt from stdin. */
const headless = (input: ProviderInput): AgentInvocation => run(input, ["-"])

/** The newest conversation of the working directory, or a new one when there is none. */
const resume = (input: ProviderInput): AgentInvocation => run(input, ["resume", "--last", "-"])

/** Codex has no file for additional instructions, and an argument is limited to 128 KiB, so the system prompt goes before the prompt. */
const run = (input: ProviderInput, what: ReadonlyArray<string>): AgentInvocation =>
  withLogin(input, {
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
  return withLogin(input, {
    argv: [
      "codex",
      ...options(input),
      ...(systemPrompt === "" ? [] : config({ developer_instructions: systemPrompt })),
      ...what,
    ],
    env: {},
    prompt: input.prompt,
    files: [],
  })
}

/**
 * With a subscription it reads its login from its home, and there are placeholders. They are written anew at each start, since its image
 * or an earlier run may have left others.
 */
const withLogin = ({ manifest }: ProviderInput, { argv, ...rest }: AgentInvocation): AgentInvocation =>
  manifest.login === "subscription"
    ? {
        ...rest,
        argv: ["sh", "-c", PUT_LOGIN, ...argv],
        files: [...rest.files, LOGIN],
      }
    : { ...rest, argv }

const LOGIN: RunFile = { path: "codex/auth.json", content: placeholderLogin(PLACEHOLDER_KEY) }

const PUT_LOGIN = `(umask 077 && mkdir -p "\${CODEX_HOME:-$HOME/.codex}" && cp -f ${pathInBottle(LOGIN)} "\${CODEX_HOME:-$HOME/.codex}/auth.json") || exit
exec "$0" "$@"`

const options = ({ manifest, neck, forge }: ProviderInput): ReadonlyArray<string> => [
  "--dangerously-bypass-approvals-and-sandbox",
  ...Option.match(manifest.model, { onNone: () => [], onSome: (model) => ["--model", model] }),
  ...config({
    ...(manifest.login === "subscription" ? subscription(neck) : modelProvider(neck)),
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

/** The same name, so that a conversation goes on when the way of paying changes. It asks for plugins and its account at the second URL. */
const subscription = (neck: string) => {
  const route = routeUrl(neck, SUBSCRIPTION_ROUTE_NAMES.codex)
  return {
    ...modelProvider(neck),
    "model_providers.bot-bottle.base_url": route,
    "model_providers.bot-bottle.requires_openai_auth": true,
    // The neck has none.
    "model_providers.bot-bottle.supports_websockets": false,
    chatgpt_base_url: route,
  }
}

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
