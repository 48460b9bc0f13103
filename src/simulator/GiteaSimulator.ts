/** GiteaSimulator serves Gitea's API over HTTP on loopback, from a state that a test seeds, changes and inspects. */
import { Effect, type Scope } from "effect"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import { readSeededTexts } from "./actions.ts"
import { attachmentReply } from "./attachmentRoute.ts"
import { type Fault, Faults } from "./faults.ts"
import type { Mount } from "./Mount.ts"
import { type Person, personOf } from "./people.ts"
import { failure, match, refusedBy, type Reply, type Route } from "./router.ts"
import { routes } from "./routes.ts"
import type { GiteaSeed } from "./seed.ts"
import { Shapes } from "./shapes.ts"
import { GiteaState, type SimUser } from "./state.ts"
import * as webhooks from "./webhooks.ts"
import type { Webhooks } from "./webhooks.ts"

export type { IssuePlace, Person, RepoPlace } from "./people.ts"
export type { Checked, Pushed } from "./gitActions.ts"
export type { LineSeed, ReviewSeed } from "./reviewActions.ts"
export type { Delivery, Fate, Webhooks } from "./webhooks.ts"
export type { Changes, Happening, IssueAction } from "./happenings.ts"
export { emptyBody, type Fault, htmlBody, nullBody } from "./faults.ts"
export type { AccountShapes, Json } from "./accountShapes.ts"
export type { FaultTarget } from "./faults.ts"
export type { Mount } from "./Mount.ts"
export type { Ask, Reply, Route } from "./router.ts"
export type {
  GiteaSeed,
  SeedAttachment,
  SeedComment,
  SeedIssue,
  SeedOrg,
  SeedPull,
  SeedRepo,
  SeedUser,
  SimPermission,
} from "./seed.ts"
export type { Shapes } from "./shapes.ts"
export type {
  GiteaState,
  SimAttachment,
  SimComment,
  SimCommit,
  SimEvent,
  SimHook,
  SimIssue,
  SimKey,
  SimLineComment,
  SimOrg,
  SimPull,
  SimReaction,
  SimReference,
  SimRepo,
  SimReview,
  SimReviewState,
  SimStatus,
  SimStatusState,
  SimUser,
} from "./state.ts"

/** A received request; never its token. */
export interface SeenRequest {
  readonly method: string
  /** Relative to `/api/v1`, including its query. */
  readonly path: string
  /** Login of the token's user; "" without a token. */
  readonly user: string
  readonly body: string
}

/** A running simulator. */
export interface GiteaSimulator {
  /** `http://127.0.0.1:<port>`. */
  readonly url: string
  /** The same with `/api/v1`: the value of `FORGE_GITEA_API`. */
  readonly apiUrl: string
  /** May be changed at any time. Every response is made from the current state. */
  readonly state: GiteaState
  /** Acts as a person: comments, closes, labels, merges. Missing users are created. */
  readonly as: (login: string) => Person
  /**
   * Webhook deliveries, and their order, delay, loss and repetition. Changes through `as` or the API are delivered; direct changes of
   * `state` are not.
   */
  readonly webhooks: Webhooks
  /** In order of arrival. */
  readonly requests: ReadonlyArray<SeenRequest>
  /** Makes the next matching request fail. */
  readonly failNext: (fault: Fault) => void
  /** Clears recorded requests and pending faults. */
  readonly forget: () => void
}

/** Starts a simulator on a free port of 127.0.0.1. It ends with the scope. `mounts` are tried before the API. */
export const make = (
  seed: GiteaSeed = {},
  options: { readonly mounts?: ReadonlyArray<Mount>; readonly routes?: ReadonlyArray<Route> } = {},
): Effect.Effect<GiteaSimulator, never, Scope.Scope> =>
  Effect.gen(function* () {
    const state = new GiteaState(seed)
    readSeededTexts(state)
    const faults = new Faults()
    const requests: Array<SeenRequest> = []
    const served = [...routes, ...(options.routes ?? [])]
    const server = createServer((request, response) => {
      if (options.mounts?.some((mount) => mount(request, response, state))) return
      const chunks: Array<Buffer> = []
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      request.on("end", () => {
        const body = Buffer.concat(chunks).toString("utf8")
        const shapes = new Shapes(state, `http://${request.headers.host ?? "localhost"}`)
        serve({ state, shapes, faults, requests, routes: served }, request, body, response)
      })
    })
    const port = yield* Effect.acquireRelease(listen(server), () => close(server))
    const url = `http://127.0.0.1:${port}`
    const told = yield* webhooks.make(state, new Shapes(state, url))
    return {
      url,
      apiUrl: `${url}${API}`,
      state,
      as: (login) => personOf(state, login),
      webhooks: told,
      requests,
      failNext: (fault) => faults.add(fault),
      forget: () => {
        requests.length = 0
        faults.clear()
      },
    }
  })

const API = "/api/v1"

interface Serving {
  readonly state: GiteaState
  readonly shapes: Shapes
  readonly faults: Faults
  readonly requests: Array<SeenRequest>
  readonly routes: ReadonlyArray<Route>
}

const serve = (it: Serving, request: IncomingMessage, body: string, response: ServerResponse): void => {
  const method = request.method ?? "GET"
  const url = new URL(request.url ?? "/", "http://localhost")
  const path = url.pathname.startsWith(`${API}/`) ? url.pathname.slice(API.length) : undefined
  const user = userOf(it.state, request.headers.authorization)
  it.requests.push({ method, path: `${path ?? url.pathname}${url.search}`, user: user?.login ?? "", body })

  const fault = it.faults.take(method, `${path ?? url.pathname}${url.search}`)
  if (fault?.kind === "slow") return
  if (fault?.kind === "refused") return void request.socket.destroy()
  if (fault?.kind === "status") return write(response, toReply(fault), it.state.millis())

  const reply =
    path === undefined
      ? attachmentReply(it.state, method, url.pathname, user)
      : answer(it, method, path, url, request, user, body)
  if (fault?.kind === "lost") return void request.socket.destroy()
  if (fault?.kind === "cut-off") return halfOf(reply, response, () => response.destroy())
  if (fault?.kind === "stalled") return halfOf(reply, response, () => undefined)
  write(
    response,
    fault === undefined ? reply : otherBody(reply, fault.body, fault.contentType),
    it.state.millis(),
  )
}

const answer = (
  it: Serving,
  method: string,
  path: string,
  url: URL,
  request: IncomingMessage,
  user: SimUser | undefined,
  body: string,
): Reply => {
  // An invalid token is refused even where none is required.
  if (request.headers.authorization !== undefined && user === undefined) return failure(401, "invalid token")
  const found = match(it.routes, method, path)
  if (found === undefined) return unknownRoute
  const refusal = refusedBy(found.route, user)
  if (refusal !== undefined) return refusal
  const json = method === "GET" || body === "" ? {} : parsed(request, body)
  if (json === undefined) return failure(422, "the body is not JSON")
  return found.route.handle({
    method,
    path,
    state: it.state,
    shapes: it.shapes,
    param: found.param,
    query: url.searchParams,
    body: json,
    user,
  })
}

const userOf = (state: GiteaState, authorization: string | undefined): SimUser | undefined => {
  const token = /^(?:token|bearer) (\S+)$/i.exec(authorization ?? "")?.[1]
  return token === undefined ? undefined : state.userOfToken(token)
}

/** Gitea only reads bodies with a JSON content type. */
const parsed = (request: IncomingMessage, body: string): Readonly<Record<string, unknown>> | undefined => {
  if (!(request.headers["content-type"] ?? "").startsWith("application/json")) return undefined
  try {
    const value: unknown = JSON.parse(body)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const unknownRoute: Reply = { status: 404, text: "404 page not found\n" }

const toReply = (fault: Extract<Fault, { kind: "status" }>): Reply => ({
  status: fault.status,
  ...(fault.body === undefined ? {} : { text: fault.body }),
  ...(fault.headers === undefined ? {} : { headers: fault.headers }),
})

const otherBody = (reply: Reply, text: string, contentType = "application/json;charset=utf-8"): Reply => ({
  status: reply.status,
  text,
  headers: { "content-type": contentType },
})

const bodyOf = (reply: Reply): string | Uint8Array =>
  reply.bytes ?? reply.text ?? (reply.json === undefined ? "" : JSON.stringify(reply.json))

/** The Date header is that of the simulated clock. A response without a body has no content type. */
const write = (response: ServerResponse, reply: Reply, millis: number): void => {
  const type = reply.text === undefined ? "application/json;charset=utf-8" : "text/plain; charset=utf-8"
  response.writeHead(reply.status, {
    ...(bodyOf(reply) !== "" && { "content-type": type }),
    date: new Date(millis).toUTCString(),
    ...reply.headers,
  })
  response.end(bodyOf(reply))
}

const halfOf = (reply: Reply, response: ServerResponse, then: () => void): void => {
  const body = Buffer.from(bodyOf(reply))
  response.writeHead(reply.status, { "content-type": "application/json", "content-length": body.length })
  response.write(body.subarray(0, body.length / 2), then)
}

const listen = (server: Server): Effect.Effect<number> =>
  Effect.async((resume) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

const close = (server: Server): Effect.Effect<void> =>
  Effect.async((resume) => {
    server.close(() => resume(Effect.void))
    server.closeAllConnections()
  })
