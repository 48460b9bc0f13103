/** The provider `claude`: Claude Code, `claude` of npm's @anthropic-ai/claude-code. */
import { Option } from "effect"
import type { RunFile } from "../../domain/Bottle.ts"
import { SUBSCRIPTION_ROUTE_NAMES } from "../../domain/SubscriptionRoutes.ts"
import type { AgentInvocation, Provider, ProviderInput } from "../../services/Providers.ts"
import { mcpUrl, pathInBottle, PLACEHOLDER_KEY, routeUrl } from "./files.ts"

/** `--print` reads the prompt from stdin. */
const headless = (input: ProviderInput): AgentInvocation => invocation(input, ["--print"])

/** `--continue` continues the newest conversation of the working directory, or starts one when there is none. */
const resume = (input: ProviderInput): AgentInvocation => invocation(input, ["--print", "--continue"])

const interactive = (input: ProviderInput): AgentInvocation => invocation(input, [])

const resumeInteractive = (input: ProviderInput): AgentInvocation => {
  const { argv, ...rest } = interactive(input)
  return { argv: ["sh", "-c", RESUME_THE_NEWEST, ...argv], ...rest }
}

/** On a terminal `--continue` fails when there is no conversation, and ignores those of `--print`, so the newest one is named. */
const RESUME_THE_NEWEST = `last=$(ls -t "\${CLAUDE_CONFIG_DIR:-$HOME/.claude}"/projects/*/*.jsonl 2>/dev/null | head -n 1)
last=\${last##*/}
[ "$last" ] && set -- --resume "\${last%.jsonl}" "$@"
unset last
exec "$0" "$@"`

const invocation = (
  { manifest, prompt, neck, forge }: ProviderInput,
  mode: ReadonlyArray<string>,
): AgentInvocation => {
  const system: RunFile = { path: "claude/system-prompt.md", content: manifest.systemPrompt }
  const servers: RunFile = { path: "claude/mcp.json", content: mcpConfig(neck, forge) }
  const hasSystem = manifest.systemPrompt !== ""
  return {
    argv: [
      "claude",
      ...mode,
      "--dangerously-skip-permissions",
      ...withoutWebSearch,
      ...Option.match(manifest.model, { onNone: () => [], onSome: (model) => ["--model", model] }),
      ...(hasSystem ? ["--append-system-prompt-file", pathInBottle(system)] : []),
      ...onlyOurServers(servers),
    ],
    env: {
      ...(manifest.login === "subscription" ? subscription(neck) : key(neck)),
      ...quiet,
    },
    prompt,
    files: [servers, ...(hasSystem ? [system] : [])],
  }
}

/** Servers in an untrusted repository's `.mcp.json` are not started. */
const onlyOurServers = (servers: RunFile) => ["--mcp-config", pathInBottle(servers), "--strict-mcp-config"]

const mcpConfig = (neck: string, forge: boolean): string =>
  JSON.stringify({ mcpServers: forge ? { forge: { type: "http", url: mcpUrl(neck) } } : {} })

/** It runs at the model's provider instead of in the bottle, so nothing here would limit or log it. */
const withoutWebSearch = ["--disallowedTools", "WebSearch"]

/** Of the two variables for a key, ANTHROPIC_API_KEY makes it ask the person at the terminal whether to use it. */
const key = (neck: string) => ({
  ANTHROPIC_BASE_URL: routeUrl(neck, "anthropic"),
  ANTHROPIC_AUTH_TOKEN: PLACEHOLDER_KEY,
})

/** With a token of this form it asks for what a subscription needs (`anthropic-beta`). */
const subscription = (neck: string) => ({
  ANTHROPIC_BASE_URL: routeUrl(neck, SUBSCRIPTION_ROUTE_NAMES.claude),
  CLAUDE_CODE_OAUTH_TOKEN: `sk-ant-oat01-${PLACEHOLDER_KEY}`,
})

/** Telemetry, error reports and updates would each wait for hosts that the bottle cannot reach. */
const quiet = { CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1", DISABLE_AUTOUPDATER: "1" }

/** The provider `claude`. Its conversations are in the agent's home, in `~/.claude`, and are frozen with it. */
export const claude: Provider = { headless, resume, interactive, resumeInteractive }
