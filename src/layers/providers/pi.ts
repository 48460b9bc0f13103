/** The provider `pi`: the pi coding agent, `pi` of npm's @earendil-works/pi-coding-agent and, before it, @mariozechner/pi-coding-agent. */
import { Option } from "effect"
import type { RunFile } from "../../domain/Bottle.ts"
import { MODEL_ROUTES, piModel } from "../../domain/ProviderRoutes.ts"
import type { AgentInvocation, Provider, ProviderInput } from "../../services/Providers.ts"
import { pathInBottle, PLACEHOLDER_KEY, routeUrl } from "./files.ts"

/** `--print` reads the prompt from stdin. */
const headless = (input: ProviderInput): AgentInvocation => invocation(input, ["--print"])

/** `--continue` continues the newest conversation of the working directory, or starts one when there is none. */
const resume = (input: ProviderInput): AgentInvocation => invocation(input, ["--print", "--continue"])

const interactive = (input: ProviderInput): AgentInvocation => invocation(input, [])

const resumeInteractive = (input: ProviderInput): AgentInvocation => invocation(input, ["--continue"])

const invocation = (
  { manifest, prompt, neck }: ProviderInput,
  mode: ReadonlyArray<string>,
): AgentInvocation => {
  const model = piModel(manifest.model)
  const extension: RunFile = { path: "pi/bot-bottle.js", content: registration(model, neck) }
  const system: RunFile = { path: "pi/system-prompt.md", content: manifest.systemPrompt }
  const hasSystem = manifest.systemPrompt !== ""
  return {
    argv: [
      "pi",
      ...mode,
      "--extension",
      pathInBottle(extension),
      "--provider",
      model.route,
      ...Option.match(model.id, { onNone: () => [], onSome: (id) => ["--model", id] }),
      // It accepts a file name in place of the file's content.
      ...(hasSystem ? ["--append-system-prompt", pathInBottle(system)] : []),
    ],
    env: quiet,
    prompt,
    files: [extension, ...(hasSystem ? [system] : [])],
  }
}

/**
 * Makes pi reach its model through the neck. This is done by an extension, since a `models.json` would replace the image's own in pi's
 * home, which must stay writable for the conversations.
 */
const registration = (model: ReturnType<typeof piModel>, neck: string): string => {
  const known = Object.hasOwn(MODEL_ROUTES, model.route) ? builtIn(model.route, neck) : undefined
  const provider = JSON.stringify(known ?? custom(model, neck), null, 2)
  return `export default (pi) => pi.registerProvider(${JSON.stringify(model.route)}, ${provider})\n`
}

/** Pi knows the models of these providers, and only needs another address. */
const builtIn = (route: string, neck: string) => ({
  baseUrl: route === "openai" ? `${routeUrl(neck, route)}/v1` : routeUrl(neck, route),
  apiKey: PLACEHOLDER_KEY,
})

/** Any other route is treated as a chat completions server with that one model. */
const custom = ({ route, id }: ReturnType<typeof piModel>, neck: string) => ({
  baseUrl: `${routeUrl(neck, route)}/v1`,
  apiKey: PLACEHOLDER_KEY,
  api: "openai-completions",
  models: Option.toArray(id).map((name) => ({
    id: name,
    name,
    reasoning: false,
    input: ["text"],
    cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
    contextWindow: 128_000,
    maxTokens: 16_384,
  })),
})

/** Version checks and telemetry would wait for hosts that the bottle cannot reach. */
const quiet = { PI_OFFLINE: "1", PI_TELEMETRY: "0" }

/** The provider `pi`. Its conversations are in the agent's home, in `~/.pi/agent`, and are frozen with it. */
export const pi: Provider = { headless, resume, interactive, resumeInteractive }
