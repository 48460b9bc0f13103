/** The default route by which each provider's agent reaches its model, unless the bottle manifest has a route of that name. */
import { Option } from "effect"
import { LaunchRefused } from "./Errors.ts"
import type { AgentManifest, BottleManifest } from "./Manifest.ts"
import { SUBSCRIPTION_ROUTES, subscriptionRoute } from "./SubscriptionRoutes.ts"

/** Routes by name, as in a bottle manifest. */
export type Routes = NonNullable<BottleManifest["routes"]>

/**
 * Routes to the public model APIs. They allow calls to models and the list of models; no files, batches, fine-tuning, stored responses
 * or administration, through which an agent could send out or fetch data.
 */
export const MODEL_ROUTES: Routes = {
  anthropic: {
    upstream: "https://api.anthropic.com",
    header: "x-api-key",
    secret: { env: "ANTHROPIC_API_KEY" },
    allow: ["POST /v1/messages", "POST /v1/messages/count_tokens", "GET /v1/models", "GET /v1/models/*"],
  },
  openai: {
    upstream: "https://api.openai.com",
    header: "Authorization",
    scheme: "Bearer",
    secret: { env: "OPENAI_API_KEY" },
    allow: [
      "POST /v1/responses",
      "POST /v1/responses/compact",
      "POST /v1/chat/completions",
      "GET /v1/models",
      "GET /v1/models/*",
    ],
  },
}

const BUILT_IN: Routes = { ...MODEL_ROUTES, ...SUBSCRIPTION_ROUTES }

/** A model of pi: `openai/gpt-5` is the model `gpt-5` on the route `openai`; without a `/` it is one of Anthropic's. */
export const piModel = (
  model: AgentManifest["model"],
): { readonly route: string; readonly id: Option.Option<string> } => {
  const [, route, id] = /^([^/]+)\/(.+)$/s.exec(Option.getOrElse(model, () => "")) ?? []
  return route === undefined ? { route: "anthropic", id: model } : { route, id: Option.fromNullable(id) }
}

/** What of an agent decides about its route. */
export type RoutedAgent = Pick<AgentManifest, "provider" | "model" | "login">

/** Name of the route that an agent needs; none for `command`. */
export const modelRouteName = (agent: RoutedAgent): Option.Option<string> =>
  Option.orElse(subscriptionRoute(agent), () => keyRouteName(agent))

const keyRouteName = (agent: RoutedAgent): Option.Option<string> => {
  switch (agent.provider) {
    case "claude":
      return Option.some("anthropic")
    case "codex":
      return Option.some("openai")
    case "pi":
      return Option.some(piModel(agent.model).route)
    case "command":
      return Option.none()
  }
}

/** The routes that the sidecar serves to an agent: the manifest's, and the default route to its model unless the manifest has it. */
export const routesOf = (agent: RoutedAgent, bottle: Pick<BottleManifest, "routes">): Routes => ({
  ...Option.match(modelRouteName(agent), {
    onNone: () => ({}),
    onSome: (name) => Object.fromEntries(Object.entries(BUILT_IN).filter(([known]) => known === name)),
  }),
  ...bottle.routes,
})

/**
 * What an operator's own route to a model API allows by default: the same as the built-in route. The whole API would let an agent store
 * and fetch files.
 */
export const modelAllow = (upstream: string): ReadonlyArray<string> | undefined => {
  if (!URL.canParse(upstream)) return undefined
  const { origin, base } = placeOf(upstream)
  const known = Object.values(BUILT_IN).find((route) => placeOf(route.upstream).origin === origin)
  return known?.allow?.flatMap((pattern) => {
    const [method = "", below = ""] = pattern.split(" ")
    const path = `${placeOf(known.upstream).base}${below}`
    return path.startsWith(`${base}/`) ? [`${method} ${path.slice(base.length)}`] : []
  })
}

const placeOf = (upstream: string): { readonly origin: string; readonly base: string } => {
  const { origin, pathname } = new URL(upstream)
  return { origin, base: pathname.replace(/\/+$/, "") }
}

/**
 * What a route allows: its own `allow`, or else what the built-in route of that name or to that API allows. Undefined: everything at
 * its upstream.
 */
export const allowOf = (
  name: string,
  { allow, upstream }: Pick<Routes[string], "allow" | "upstream">,
): ReadonlyArray<string> | undefined =>
  allow ??
  (Object.hasOwn(SUBSCRIPTION_ROUTES, name) ? SUBSCRIPTION_ROUTES[name]?.allow : modelAllow(upstream))

/** Which routes lead to a model: the agent's own, and those to known model APIs. */
export const modelRoutes = (agent: RoutedAgent, routes: Routes): ReadonlyArray<string> =>
  Object.entries(routes).flatMap(([name, { upstream }]) =>
    Object.hasOwn(BUILT_IN, name) ||
    Option.contains(modelRouteName(agent), name) ||
    modelAllow(upstream) !== undefined
      ? [name]
      : [],
  )

/** Why an agent could not reach its model, if so. `neck` is its address in the bottle, if that is fixed. */
export const modelRefusal = (
  agent: RoutedAgent & Pick<AgentManifest, "name">,
  bottle: Pick<BottleManifest, "routes">,
  backend: { readonly name: string; readonly neck: Option.Option<string> },
): Option.Option<LaunchRefused> =>
  Option.flatMap(modelRouteName(agent), (name) => {
    if (Option.isNone(backend.neck)) {
      return Option.some(
        new LaunchRefused({
          reason: `provider ${agent.provider} cannot run on the backend ${backend.name}, where the neck has no fixed address to configure it with: use docker`,
        }),
      )
    }
    return Object.hasOwn(routesOf(agent, bottle), name)
      ? Option.none()
      : Option.some(
          new LaunchRefused({
            reason: `agent "${agent.name}" asks for a model of "${name}", and the bottle manifest has no route of that name: add routes.${name}, or choose a model of ${Object.keys(MODEL_ROUTES).join(" or ")}`,
          }),
        )
  })
