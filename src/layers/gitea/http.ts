/** HTTP requests to a Gitea: exact success codes, no redirects, limits of time and size, no secret in an error. */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientError } from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as HttpIncomingMessage from "@effect/platform/HttpIncomingMessage"
import { Clock, Duration, Effect, identity, Option, Redacted, Schedule, Schema } from "effect"
import { globalAgent as plainAgent } from "node:http"
import { globalAgent as tlsAgent } from "node:https"
import type { ForgeRequestError } from "../../domain/Errors.ts"
import { AnswerRoom } from "../../services/Forge.ts"
import { type GiteaForgeConfig, webUrl } from "./GiteaForgeConfig.ts"
import { malformed, noAnswer, refused, type Subject } from "./reasons.ts"

/** A request; `path` is relative to the API's base and already encoded. */
export interface GiteaCall extends Subject {
  readonly path: string
  readonly query?: Readonly<Record<string, string | number>>
}

/** A request that changes something. */
export interface GiteaWrite extends GiteaCall {
  readonly method: "POST" | "PATCH"
  readonly body: Readonly<Record<string, unknown>>
  /** Its success statuses; 201 unless given. */
  readonly expects?: ReadonlyArray<number>
}

/**
 * A response, whatever its status. `serverTime` is its Date header in milliseconds and `total` the length of the whole list, if
 * present.
 */
export interface GiteaAnswer {
  readonly status: number
  readonly text: string
  readonly serverTime: Option.Option<number>
  readonly total: Option.Option<number>
}

/** Wraps a single attempt of a request, and may explain its failure. */
export type Guard = (
  attempt: Effect.Effect<GiteaAnswer, ForgeRequestError>,
) => Effect.Effect<GiteaAnswer, ForgeRequestError>

/** Requests to one Gitea. */
export interface GiteaHttp {
  /** The response to a GET, whatever its status below 500. Retried a few times while there is none. */
  readonly ask: (call: GiteaCall) => Effect.Effect<GiteaAnswer, ForgeRequestError>
  /** The same, without retries. */
  readonly askOnce: (call: GiteaCall) => Effect.Effect<GiteaAnswer, ForgeRequestError>
  /** The decoded 200 response to a GET, with retries as above. `guard` wraps each attempt. */
  readonly read: <A, I>(call: GiteaCall, schema: Schema.Schema<A, I>) => Effect.Effect<A, ForgeRequestError>
  /** The same, not decoded. `guard` wraps each attempt. */
  readonly readAnswer: (call: GiteaCall, guard?: Guard) => Effect.Effect<GiteaAnswer, ForgeRequestError>
  /** The base64 of a 200 response to a GET outside of the API; `path` is relative to the forge's web address. */
  readonly download: (call: GiteaCall) => Effect.Effect<string, ForgeRequestError>
  /** Sends once. Any other status than a success fails. */
  readonly write: (call: GiteaWrite) => Effect.Effect<GiteaAnswer, ForgeRequestError>
  /** Sends a DELETE, with retries when there is no response. Any status other than 204 fails. Only for what may be deleted twice. */
  readonly remove: (call: GiteaCall) => Effect.Effect<void, ForgeRequestError>
  /** The forge's clock in milliseconds, by the Date header (whole seconds) of its newest response; this machine's before the first. */
  readonly now: Effect.Effect<number>
  /** Time limit of one request. */
  readonly limit: Duration.Duration
  /** Size limit of one response, in bytes. */
  readonly bytesMax: number
}

const DEFAULT_TIMEOUT = Duration.seconds(30)
/** All comments come in one response, however many there are. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024
/** Two retries, after 0.2 and 0.4 seconds. */
const AGAIN = Schedule.intersect(Schedule.exponential("200 millis"), Schedule.recurs(2))

/** There was no response, or the forge or a proxy failed: a retry may help. */
export const isTransient = (error: ForgeRequestError): boolean =>
  error.reason === "Unreachable" || error.reason === "ServerError"

/** Requests to the Gitea of that configuration. */
export const makeGiteaHttp = Effect.fnUntraced(function* (config: Omit<GiteaForgeConfig, "owner" | "repo">) {
  const client = yield* quietClient
  const bytesMax = config.answerBytesMax ?? MAX_ANSWER_BYTES
  const limit = Duration.decode(config.requestTimeout ?? DEFAULT_TIMEOUT)
  const base = config.apiUrl.replace(/\/+$/, "")

  /** How far the forge's clock is ahead of this machine's, in milliseconds. */
  let ahead = 0
  const serverTimeOf = (response: HttpClientResponse) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      const date = Date.parse(response.headers["date"] ?? "")
      if (Number.isNaN(date)) return Option.none<number>()
      ahead = date - now
      return Option.some(date)
    })

  const exchange = (
    call: GiteaCall,
    request: HttpClientRequest.HttpClientRequest,
    read: (response: HttpClientResponse) => Effect.Effect<string, HttpClientError> = ({ text }) => text,
  ) =>
    client.execute(authorised(request, config.token)).pipe(
      Effect.flatMap((response) =>
        Effect.zipWith(
          serverTimeOf(response),
          withRoom(response, read(response)),
          (serverTime, text): GiteaAnswer => ({
            status: response.status,
            text,
            serverTime,
            total: Option.filter(Option.fromNullable(response.headers["x-total-count"]), (count) =>
              /^\d{1,15}$/.test(count),
            ).pipe(Option.map(Number)),
          }),
        ),
      ),
      HttpIncomingMessage.withMaxBodySize(Option.some(bytesMax)),
      // The library's error contains the request with its headers: nothing of it may leave this function.
      Effect.mapError((error) => brokenOff(call, error, bytesMax)),
    )

  const withLimit = <A>(call: GiteaCall, effect: Effect.Effect<A, ForgeRequestError>) =>
    Effect.timeoutFail(effect, {
      duration: limit,
      onTimeout: () =>
        noAnswer(
          call,
          `no answer within ${Duration.format(limit)}: check the forge and the network, then try again`,
        ),
    })

  const whole = (call: GiteaCall, attempt: Effect.Effect<GiteaAnswer, ForgeRequestError>) =>
    Effect.filterOrFail(
      attempt,
      (answer) => answer.status < 500,
      (answer) => refused(call, answer.status),
    )
  const once = (call: GiteaCall) =>
    whole(
      call,
      exchange(
        call,
        HttpClientRequest.get(`${base}/${call.path}`, call.query ? { urlParams: call.query } : {}),
      ),
    )

  const repeated = <A>(call: GiteaCall, attempt: Effect.Effect<A, ForgeRequestError>) =>
    withLimit(call, Effect.retry(attempt, { schedule: AGAIN, while: isTransient }))

  const http: GiteaHttp = {
    now: Effect.map(Clock.currentTimeMillis, (now) => now + ahead),
    limit,
    bytesMax,
    ask: (call) => repeated(call, once(call)),
    askOnce: (call) => withLimit(call, once(call)),
    readAnswer: (call, guard = identity) =>
      repeated(call, guard(Effect.flatMap(once(call), expecting(call, 200)))),
    read: (call, schema) => Effect.flatMap(http.readAnswer(call), (answer) => decode(call, answer, schema)),
    download: (call) =>
      repeated(
        call,
        whole(call, exchange(call, HttpClientRequest.get(`${webUrl(base)}/${call.path}`), base64Of)).pipe(
          Effect.flatMap(expecting(call, 200)),
        ),
      ).pipe(Effect.map(({ text }) => text)),
    write: (call) =>
      withLimit(
        call,
        exchange(
          call,
          HttpClientRequest.bodyUnsafeJson(
            HttpClientRequest.make(call.method)(`${base}/${call.path}`),
            call.body,
          ),
        ),
      ).pipe(Effect.flatMap(expecting(call, ...(call.expects ?? [201])))),
    remove: (call) =>
      repeated(
        call,
        Effect.flatMap(exchange(call, HttpClientRequest.del(`${base}/${call.path}`)), expecting(call, 204)),
      ).pipe(Effect.asVoid),
  }
  return http
})

/** Decodes a response. The forge's own values never appear in the error. */
export const decode = <A, I>(
  call: Subject,
  answer: GiteaAnswer,
  schema: Schema.Schema<A, I>,
): Effect.Effect<A, ForgeRequestError> => {
  const wrong = (what: string) => malformed(call, answer.status, what)
  if (answer.text.trim() === "")
    return Effect.fail(wrong("is empty: try again, and check the proxy in front of the forge"))
  return Effect.try({
    try: (): unknown => JSON.parse(answer.text),
    catch: () =>
      wrong(
        answer.text.trimStart().startsWith("<")
          ? "is a web page, not JSON: check that FORGE_GITEA_API ends with /api/v1 and that no log-in page is in front of it"
          : "is not complete JSON (cut off, or not from a Gitea): try again, and check FORGE_GITEA_API",
      ),
  }).pipe(
    Effect.filterOrFail(
      (json) => json !== null || acceptsNull(schema),
      () => wrong("is null: the forge failed to make it; try again"),
    ),
    Effect.flatMap((json) =>
      Effect.mapError(Schema.decodeUnknown(schema)(json), () =>
        wrong("does not have the form that Gitea documents: check FORGE_GITEA_API and the forge's version"),
      ),
    ),
  )
}

const acceptsNull = <A, I>(schema: Schema.Schema<A, I>): boolean =>
  Option.isSome(Schema.decodeUnknownOption(schema)(null))

const withRoom = <E>(response: HttpClientResponse, read: Effect.Effect<string, E>) => {
  const length = Number(response.headers["content-length"] ?? Number.NaN)
  return Effect.flatMap(AnswerRoom, ({ within }) => within(read, Number.isNaN(length) ? undefined : length))
}

/** Bytes as text: they go to an agent in JSON. */
const base64Of = (response: HttpClientResponse): Effect.Effect<string, HttpClientError> =>
  Effect.map(response.arrayBuffer, (bytes) => Buffer.from(bytes).toString("base64"))

/** 200 instead of a documented 201 can be a followed redirect or another server: only the exact code is a success. */
const expecting =
  (call: Subject, ...statuses: ReadonlyArray<number>) =>
  (answer: GiteaAnswer) =>
    statuses.includes(answer.status) ? Effect.succeed(answer) : Effect.fail(refused(call, answer.status))

/** node's own agents keep connections for 5 seconds and never keep a process alive. Redirects are not followed. */
const quietClient = NodeHttpClient.make.pipe(
  Effect.provideServiceEffect(
    NodeHttpClient.HttpAgent,
    Effect.sync(() => ({
      [NodeHttpClient.HttpAgentTypeId]: NodeHttpClient.HttpAgentTypeId,
      http: plainAgent,
      https: tlsAgent,
    })),
  ),
  // Our own spans name the operation. The client's would contain URLs and the forge's headers, and send trace headers to the forge.
  Effect.map(HttpClient.withTracerDisabledWhen(() => true)),
)

/** The only place that reads the token. */
const authorised = (request: HttpClientRequest.HttpClientRequest, token: Redacted.Redacted) =>
  HttpClientRequest.setHeaders(request, {
    accept: "application/json",
    "user-agent": "bot-bottle",
    authorization: `token ${Redacted.value(token)}`,
  })

const brokenOff = (call: GiteaCall, error: HttpClientError, bytesMax: number): ForgeRequestError => {
  if (!("response" in error)) {
    return noAnswer(
      call,
      "the forge cannot be reached: check FORGE_GITEA_API, the network and that the forge runs",
    )
  }
  return error.cause instanceof Error && error.cause.message === "maxBytes exceeded"
    ? malformed(call, error.response.status, `is larger than ${bytesMax / 1024 / 1024} MiB`)
    : noAnswer(
        call,
        "the answer was cut off: check the network and the proxy in front of the forge, then try again",
      )
}
