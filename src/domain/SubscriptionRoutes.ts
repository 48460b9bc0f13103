/**
 * The routes of agents whose model is paid for by a subscription: the operator's own login, which never enters the bottle, and what is
 * said when it is refused.
 */
import { Option, Schema } from "effect"
import type { AgentManifest, BottleManifest } from "./Manifest.ts"

type Route = NonNullable<BottleManifest["routes"]>[string]

/** Providers that have a subscription. */
export type SubscriptionProvider = "claude" | "codex"

/** Name of the route of a provider's subscription. */
export const SUBSCRIPTION_ROUTE_NAMES: Readonly<Record<SubscriptionProvider, string>> = {
  claude: "claude-subscription",
  codex: "codex-subscription",
}

const CODEX_LOGIN = "~/.codex/auth.json"

/** These routes by name. As the built-in routes to model APIs, they allow calls to models and the list of models only. */
export const SUBSCRIPTION_ROUTES: Readonly<Record<string, Route>> = {
  [SUBSCRIPTION_ROUTE_NAMES.claude]: {
    upstream: "https://api.anthropic.com",
    header: "Authorization",
    scheme: "Bearer",
    secret: { env: "CLAUDE_CODE_OAUTH_TOKEN" },
    allow: ["POST /v1/messages", "POST /v1/messages/count_tokens", "GET /v1/models", "GET /v1/models/*"],
  },
  [SUBSCRIPTION_ROUTE_NAMES.codex]: {
    upstream: "https://chatgpt.com/backend-api/codex",
    header: "Authorization",
    scheme: "Bearer",
    secret: { file: CODEX_LOGIN, field: "tokens.access_token" },
    secretHeaders: { "chatgpt-account-id": { file: CODEX_LOGIN, field: "tokens.account_id" } },
    allow: ["POST /responses", "POST /responses/compact", "GET /models"],
  },
}

/** Requests that get an empty JSON object: the program asks for its account, plugins and analytics, which a run does not need. */
const EMPTY: Readonly<Record<string, ReadonlyArray<string>>> = {
  [SUBSCRIPTION_ROUTE_NAMES.codex]: [
    "* /ps/*",
    "* /wham/*",
    "* /api/*",
    "* /codex/*",
    "* /plugins/*",
    "* /accounts/*",
  ],
}

/** Which requests of a route of this name are answered with an empty object and never reach its upstream. */
export const emptyAnswers = (name: string): ReadonlyArray<string> => EMPTY[name] ?? []

/** The provider whose subscription a route of this name uses. */
export const subscriptionOf = (name: string): SubscriptionProvider | undefined =>
  name === SUBSCRIPTION_ROUTE_NAMES.claude
    ? "claude"
    : name === SUBSCRIPTION_ROUTE_NAMES.codex
      ? "codex"
      : undefined

/** Name of the route of an agent's subscription; none when it uses an API key. */
export const subscriptionRoute = ({
  provider,
  login,
}: Pick<AgentManifest, "provider" | "login">): Option.Option<string> =>
  login === "subscription" && (provider === "claude" || provider === "codex")
    ? Option.some(SUBSCRIPTION_ROUTE_NAMES[provider])
    : Option.none()

const RENEWAL: Readonly<Record<SubscriptionProvider, string>> = {
  claude:
    "run `claude setup-token` on the host and put its token where the route reads it (CLAUDE_CODE_OAUTH_TOKEN by default)",
  codex: "run `codex login` on the host",
}

/** What the operator has to do about a login. */
export const loginProblem = (provider: SubscriptionProvider, what: "expired" | "refused"): string =>
  `the operator's ${provider} login ${what === "expired" ? "has expired" : "was refused by its service"}: ${RENEWAL[provider]}`

/**
 * A refusal in the form of the provider's own errors, so that its program shows the message and ends. Codex would answer a 401 with
 * attempts to refresh its placeholders, and show their failure.
 */
export const loginRefusal = (
  provider: SubscriptionProvider,
  message: string,
): { readonly status: number; readonly text: string } =>
  provider === "claude"
    ? {
        status: 401,
        text: JSON.stringify({ type: "error", error: { type: "authentication_error", message } }),
      }
    : {
        status: 400,
        text: JSON.stringify({ error: { message, type: "invalid_request_error", code: "login_refused" } }),
      }

const Claims = Schema.parseJson(Schema.Struct({ exp: Schema.Number }))

/** When a token says that it expires, in milliseconds since the epoch; none unless it is a JSON Web Token with that claim. */
export const expiryOf = (token: string): Option.Option<number> => {
  const [, claims, ...rest] = token.split(".")
  return claims === undefined || rest.length !== 1
    ? Option.none()
    : Option.map(
        Option.flatMap(
          Option.liftThrowable((text: string) => atob(text.replaceAll("-", "+").replaceAll("_", "/")))(
            claims,
          ),
          Schema.decodeOption(Claims),
        ),
        ({ exp }) => exp * 1000,
      )
}
