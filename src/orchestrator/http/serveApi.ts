/** serveApi: the endpoints of ServiceApi as a handler of node's HTTP server, for requests that the door has let in. */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import { type Context, Effect, Layer, Option } from "effect"
import type { DurationInput } from "effect/Duration"
import type { IncomingMessage, ServerResponse } from "node:http"
import { Unauthorized } from "./api/errors.ts"
import { type Operator, OperatorsOnly } from "./api/Operator.ts"
import { bottles } from "./handle/bottles.ts"
import { events } from "./handle/events.ts"
import { issues, provenance } from "./handle/issues.ts"
import { requests } from "./handle/requests.ts"
import { metrics, service, usage } from "./handle/service.ts"
import { OpenStreams } from "./handle/streams.ts"
import { Tail } from "./handle/Tail.ts"
import { ServiceApi } from "./ServiceApi.ts"
import { sharedPages } from "./sharedPages.ts"

/** What the interface is about. */
export interface ApiOptions {
  /** The forge's normalised API address: issues are named without it. */
  readonly forge: string
  /** Days begin in this time zone. */
  readonly timeZone: string
  /** How often it is looked whether there is something new to stream, and how old a page may be. */
  readonly poll: DurationInput
}

/** Answers a request of an operator. */
export type AnswerOperator = (
  operator: Context.Tag.Service<Operator>,
  request: IncomingMessage,
  response: ServerResponse,
) => void

/** The largest body is an answer to a request of an agent. */
const BODY_MAX = 64 * 1024

/** The handler, until the scope ends. */
export const serveApi = Effect.fnUntraced(function* ({ forge, timeZone, poll }: ApiOptions) {
  const operators = new WeakMap<IncomingMessage, Context.Tag.Service<Operator>>()
  /** Only the door decides who is an operator. Headers are not read here again. */
  const admitted = Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
    Effect.mapError(
      Effect.fromNullable(operators.get(NodeHttpServerRequest.toIncomingMessage(request))),
      () => new Unauthorized({ message: "an operator's token is required" }),
    ),
  )
  const groups = Layer.mergeAll(
    service,
    issues(forge),
    bottles(poll),
    requests,
    events,
    usage(timeZone),
    provenance,
    metrics,
  ).pipe(
    Layer.provide(Layer.merge(OpenStreams.layer, Tail.layer(poll))),
    Layer.provide(
      Layer.succeed(OperatorsOnly, OperatorsOnly.of({ token: () => admitted, session: () => admitted })),
    ),
  )
  const parts = yield* Layer.build(
    Layer.mergeAll(
      Layer.provide(HttpApiBuilder.api(ServiceApi), groups),
      HttpApiBuilder.Router.Live,
      HttpApiBuilder.Middleware.layer,
      NodeHttpServer.layerContext,
    ),
  )
  const share = yield* sharedPages({
    hold: poll,
    nameOf: (request) => operators.get(NodeHttpServerRequest.toIncomingMessage(request))?.name ?? "",
  })
  const handle = yield* Effect.flatMap(HttpApiBuilder.httpApp, (app) =>
    NodeHttpServer.makeHandler(share(app)),
  ).pipe(Effect.provide(parts), HttpServerRequest.withMaxBodySize(Option.some(BODY_MAX)))
  const opening = paced()
  const answer: AnswerOperator = (operator, request, response) => {
    operators.set(request, operator)
    if (!STREAM.test(request.url ?? "")) return handle(request, response)
    // A viewer that has left by then would not be noticed.
    opening(() => response.destroyed || handle(request, response))
  }
  return answer
})

/** Paths of streams. */
const STREAM = /^\/events(?:$|\?)|\/live(?:$|\?)/

/** Runs one at a time, each in a turn of the event loop of its own: viewers that all connect at once hold nobody else up. */
const paced = (): ((open: () => unknown) => void) => {
  const waiting: Array<() => unknown> = []
  const next = (): void => {
    waiting.shift()?.()
    if (waiting.length > 0) setImmediate(next)
  }
  return (open) => {
    if (waiting.push(open) === 1) setImmediate(next)
  }
}
