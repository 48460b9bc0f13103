/** Calls below `/route/`: finds the route, checks the request, logs it, and exchanges it with the upstream. */
import { Effect, Either, Exit, Option, Runtime, type Scope } from "effect"
import type { Agent as HttpAgent, IncomingMessage, ServerResponse } from "node:http"
import { operatorProxies } from "../outside/operatorProxy.ts"
import { type EndWords, around } from "../record/around.ts"
import { CheckIn } from "../record/CheckIn.ts"
import { OperationLog } from "../record/OperationLog.ts"
import type { Exchanged } from "../http/passOn.ts"
import type { ServePath } from "../http/ServePath.ts"
import { answerEarly } from "../http/afterBody.ts"
import { agentOf } from "./dial.ts"
import { exchange } from "./exchange.ts"
import type { CredentialHeaders, RouteCredentials } from "./credentials.ts"
import { loginAnswer, makeRefusals } from "./refusals.ts"
import type { MeterModelCall } from "./meteredCalls.ts"
import type { WatchModelCall } from "./modelCalls.ts"
import { framingProblem } from "../http/headers.ts"
import type { Route } from "./Route.ts"
import { SidecarSettings } from "../SidecarSettings.ts"
import { ROUTE_PREFIX, readTarget } from "./target.ts"

/** Limits the connections of an agent in a loop. No agent needs more at once. */
const CALLS_MAX = 64

/** TRACE would return what was sent, including the credential. */
const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])

/** A call that is refused. */
interface Refused {
  readonly status: number
  readonly text: string
  readonly reason: string
  /** Plain text unless given. */
  readonly type?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Routes, and the secrets that they use. */
export interface ServedRoutes {
  readonly routes: ReadonlyMap<string, Route>
  readonly credentialsOf: (route: Route) => RouteCredentials
  /** Whether a text repeats a secret of a route. */
  readonly repeats: (text: string) => boolean
}

/** Makes the server of routes. Its connections to upstreams close with the scope. */
export const makeRoutes = (
  { routes, credentialsOf, repeats }: ServedRoutes,
  watchModel: WatchModelCall,
  meterModel: MeterModelCall,
): Effect.Effect<ServePath, never, OperationLog | CheckIn | Scope.Scope> =>
  Effect.gen(function* () {
    const log = yield* OperationLog
    const checkIn = yield* CheckIn
    const { routeIdleMs: idleMs } = yield* SidecarSettings
    const proxyFor = yield* operatorProxies
    const runtime = yield* Effect.runtime<never>()
    const agents = new Map<string, HttpAgent>()
    yield* Effect.addFinalizer(() => Effect.sync(() => agents.forEach((agent) => agent.destroy())))
    const agentFor = (route: Route): HttpAgent => {
      const agent = agents.get(route.name) ?? agentOf(route, proxyFor, runtime)
      agents.set(route.name, agent)
      return agent
    }
    const refusalsOf = makeRefusals(runtime)
    const passed = yield* eachSecond(checkIn)
    const logged = around(log)
    let calls = 0

    const refuse = (
      { status, text, reason, type, headers = {} }: Refused,
      target: string,
      request: IncomingMessage,
      response: ServerResponse,
    ) =>
      log
        .append({
          op: "route",
          target,
          outcome: "rejected",
          reason,
          durationMs: 0,
          detail: "route was not called",
        })
        .pipe(
          Effect.ignore,
          Effect.zipRight(
            Effect.sync(() => {
              for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
              answerEarly(request, response, status, `${text}\n`, type)
            }),
          ),
        )

    /** What the program asks for beside its model gets an answer that says nothing, so that it goes on. */
    const answerEmpty = (target: string, request: IncomingMessage, response: ServerResponse) =>
      log
        .append({
          op: "route",
          target,
          outcome: "ok",
          durationMs: 0,
          detail: "answered with nothing; route was not called",
        })
        .pipe(
          Effect.ignore,
          Effect.zipRight(Effect.sync(() => answerEarly(request, response, 200, "{}", "application/json"))),
        )

    const call = (
      asked: Asked,
      request: IncomingMessage,
      response: ServerResponse,
      metered: ReturnType<MeterModelCall>,
    ) =>
      Effect.flatMap(credentialsOf(asked.route).current, (current) =>
        Either.match(current, {
          onLeft: (problem) => refuse(withoutLogin(asked.route, problem), asked.target, request, response),
          onRight: (credentials) => callWith(asked, credentials, request, response, metered),
        }),
      )

    const callWith = (
      asked: Asked,
      credentials: CredentialHeaders,
      request: IncomingMessage,
      response: ServerResponse,
      metered: ReturnType<MeterModelCall>,
    ) =>
      Effect.suspend(() => {
        const { route, target, path, query } = asked
        const watched = route.model ? watchModel(route.name, request.method ?? "", path) : undefined
        const exchanged = exchange(
          {
            route,
            agent: agentFor(route),
            credentials,
            refusals: refusalsOf(route, credentialsOf(route), credentials),
            path: `${route.base}${path}${route.passes.query(query)}`,
            locate: (location) => locate(asked, location, repeats),
            repeats,
            idleMs,
            passed,
            ...(watched !== undefined && { answered: watched.answered }),
            metered,
          },
          request,
          response,
        )
        const call = logged(
          { op: "route", target, detail: `calling ${route.host}`, ended: wordsOf },
          metered === undefined
            ? exchanged
            : Effect.tap(exchanged, ({ ended }) => Effect.sync(() => metered.ended(ended))),
        )
        // Before the agent has the end of the response, so that the agent's own end comes later in the queue.
        return watched === undefined ? call : Effect.zipLeft(call, watched.told)
      }).pipe(
        Effect.flatMap(({ finish }) => finish),
        // The disk is full: a call that cannot be logged is not made.
        Effect.catchTag("LogUnwritable", () =>
          Effect.sync(() =>
            answerEarly(request, response, 503, "the call cannot be logged, so it was not made\n"),
          ),
        ),
      )

    return (request, response, url) =>
      Effect.suspend(() => {
        const asked = ask(routes, request, url)
        if (Either.isLeft(asked)) return refuse(asked.left, targetOf(request, url), request, response)
        const { route, path, target } = asked.right
        if (route.isEmpty(request.method ?? "", path)) return answerEmpty(target, request, response)
        if (calls >= CALLS_MAX) return refuse(tooMany(response), target, request, response)
        const metered = meterModel(route, request, path)
        if (metered?.refusal !== undefined) return refuse(metered.refusal, target, request, response)
        calls += 1
        return Effect.ensuring(
          call(asked.right, request, response, metered),
          Effect.sync(() => (calls -= 1)),
        )
      }).pipe(Effect.zipLeft(checkIn))
  })

/** A call that is allowed. */
interface Asked {
  readonly route: Route
  /** Its name in the operation log. */
  readonly target: string
  readonly path: string
  readonly query: string
  /** The part of the agent's URL before the path below the route. */
  readonly before: string
}

const ask = (
  routes: ReadonlyMap<string, Route>,
  request: IncomingMessage,
  url: string,
): Either.Either<Asked, Refused> => {
  const { method = "", url: whole = "" } = request
  const framing = framingProblem(request)
  if (framing !== undefined) return refused(400, framing, "invalid request")
  const read = readTarget(url)
  if (Either.isLeft(read)) return refused(400, read.left, "invalid path")
  const { name, path, query } = read.right
  const route = routes.get(name)
  if (route === undefined) {
    const known = routes.size === 0 ? "this bottle has none" : `known are ${[...routes.keys()].join(", ")}`
    return refused(404, `no such route: ${known}`, "no such route")
  }
  if (!METHODS.has(method) || !(route.allows(method, path) || route.isEmpty(method, path))) {
    return refused(
      403,
      `${method} ${path} denied: route ${name} does not allow it`,
      "not allowed by the route",
    )
  }
  const prefix = whole.endsWith(url) ? whole.slice(0, whole.length - url.length) : ""
  return Either.right({
    route,
    target: targetOf(request, url),
    path,
    query,
    before: `${prefix}${ROUTE_PREFIX}${name}`,
  })
}

const refused = (status: number, text: string, reason: string): Either.Either<never, Refused> =>
  Either.left({ status, text, reason })

const withoutLogin = ({ subscription }: Route, problem: string): Refused =>
  subscription === undefined
    ? { status: 503, text: problem, reason: problem }
    : loginAnswer(subscription, problem)

const tooMany = (response: ServerResponse): Refused => {
  response.setHeader("retry-after", "1")
  return {
    status: 503,
    text: `${CALLS_MAX} calls are in progress: try again later`,
    reason: "too many calls at once",
  }
}

/** `name METHOD /path`: never the query, which may contain secrets. */
const targetOf = ({ method = "" }: IncomingMessage, url: string): string => {
  const [, name = "", path = ""] = /^\/route\/([^/?]*)([^?]*)/.exec(url) ?? []
  return `${name} ${method} ${path === "" ? "/" : path}`.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 300)
}

const wordsOf = (exit: Exit.Exit<{ readonly ended: Exchanged }>): Option.Option<EndWords> =>
  Exit.match(exit, {
    onFailure: () => Option.none(),
    onSuccess: ({ ended: { status, sent, received, failure, refused } }) =>
      Option.some({
        outcome:
          refused === true
            ? ("rejected" as const)
            : failure === undefined
              ? ("ok" as const)
              : ("failed" as const),
        ...(failure !== undefined && { reason: failure }),
        detail: `${status === 0 ? "no answer" : `answered ${status}`}, ${sent} bytes up, ${received} bytes down`,
      }),
  })

/** A redirect within the upstream goes through the route again. One to elsewhere is dropped: the agent could not follow it. */
const locate = (
  { route, path, before }: Asked,
  location: string,
  repeats: (text: string) => boolean,
): string | undefined => {
  const from = `${route.protocol}//${route.host}${route.base}${path}`
  if (!URL.canParse(location, from)) return undefined
  const { protocol, host, pathname, search } = new URL(location, from)
  const isWithin =
    protocol === route.protocol && host === route.host && `${pathname}/`.startsWith(`${route.base}/`)
  const found = `${pathname.slice(route.base.length)}${search}`
  return isWithin && !repeats(location) && !repeats(found) ? `${before}${found}` : undefined
}

/** A synchronous function that runs an effect, at most once per second. */
const eachSecond = (effect: Effect.Effect<void>): Effect.Effect<() => void> =>
  Effect.map(Effect.runtime<never>(), (runtime) => {
    let last = 0
    return () => {
      const now = Date.now()
      if (now - last < 1000) return
      last = now
      Runtime.runFork(runtime)(effect)
    }
  })
