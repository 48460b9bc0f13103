/** ServiceClient: the client of the service's HTTP interface, with types from its description. */
import * as HttpApiClient from "@effect/platform/HttpApiClient"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Sse from "@effect/experimental/Sse"
import { Effect, type ParseResult, Redacted, Schedule, Schema, Stream } from "effect"
import { HistoryEntry } from "../../domain/orchestrator/History.ts"
import { LogLine } from "./api/bottles.ts"
import { Unauthorized } from "./api/errors.ts"
import { ServiceApi } from "./ServiceApi.ts"

/** Which service, and who asks. */
export interface ServiceClientOptions {
  /** Such as `http://127.0.0.1:7320`. */
  readonly url: string
  /** An operator's token. */
  readonly token: Redacted.Redacted
}

/** A method for each endpoint, by group. Each fails with the errors that the endpoint has. */
export const make = ({ url, token }: ServiceClientOptions) =>
  HttpApiClient.make(ServiceApi, {
    baseUrl: url,
    transformClient: HttpClient.mapRequest(HttpClientRequest.bearerToken(Redacted.value(token))),
  })

/** A failure of a stream. A connection that breaks is none: the stream goes on where it was. */
export type StreamFailure =
  | Unauthorized
  | HttpClientError.HttpClientError
  | ParseResult.ParseError
  | Sse.SseError

/** Entries of the history as they are stored, after the one with the number `after`; from now on unless given. Each comes once. */
export const events = (
  options: ServiceClientOptions & { readonly after?: number },
): Stream.Stream<HistoryEntry, StreamFailure, HttpClient.HttpClient> =>
  followed(options, "/events", options.after, Schema.parseJson(HistoryEntry))

/** The lines of a bottle's operation log, after the place `after` in bytes, until its agent ends. */
export const log = (
  options: ServiceClientOptions & { readonly slug: string; readonly after?: number },
): Stream.Stream<LogLine, StreamFailure, HttpClient.HttpClient> =>
  followed(options, `/bottles/${options.slug}/log/live`, options.after, Schema.parseJson(LogLine))

/** The output of a run, after the place `after` in bytes, until its agent ends. */
export const output = (
  options: ServiceClientOptions & { readonly slug: string; readonly run: number; readonly after?: number },
): Stream.Stream<string, StreamFailure, HttpClient.HttpClient> =>
  Stream.map(
    followed(
      options,
      `/bottles/${options.slug}/runs/${options.run}/output/live`,
      options.after,
      Schema.parseJson(Schema.Struct({ text: Schema.String })),
    ),
    ({ text }) => text,
  )

/** How long to wait before connecting again. */
const AGAIN = "2 seconds"

const followed = <A>(
  { url, token }: ServiceClientOptions,
  path: string,
  after: number | undefined,
  schema: Schema.Schema<A, string>,
): Stream.Stream<A, StreamFailure, HttpClient.HttpClient> =>
  Stream.suspend(() => {
    let last = after
    let hasEnded = false
    const decode = Schema.decode(schema)
    const connection = Stream.unwrap(
      Effect.gen(function* () {
        const client = yield* HttpClient.HttpClient
        const request = HttpClientRequest.get(new URL(path, url), {
          headers: last === undefined ? {} : { "last-event-id": String(last) },
        })
        const response = yield* client.execute(HttpClientRequest.bearerToken(request, Redacted.value(token)))
        if (response.status === 401)
          return yield* Effect.flatMap(HttpClientResponse.schemaBodyJson(Unauthorized)(response), Effect.fail)
        return eventsOf(yield* HttpClientResponse.filterStatusOk(response))
      }),
    )
    return connection.pipe(
      Stream.mapEffect(({ id, event, data }) => {
        if (event === "end") hasEnded = true
        return Effect.map(event === "message" ? Effect.asSome(decode(data)) : Effect.succeedNone, (found) => {
          if (id !== undefined) last = Number(id)
          return found
        })
      }),
      Stream.filterMap((found) => found),
      Stream.catchAll((error) => (isBroken(error) ? Stream.empty : Stream.fail(error))),
      Stream.repeat(Schedule.spaced(AGAIN).pipe(Schedule.whileInput(() => !hasEnded))),
    )
  })

/** A connection that could not be made, or that broke. */
const isBroken = (error: { readonly _tag: string; readonly reason?: unknown }): boolean =>
  error._tag === "RequestError" || (error._tag === "ResponseError" && error.reason === "Decode")

const eventsOf = (response: HttpClientResponse.HttpClientResponse) =>
  Stream.suspend(() => {
    const found: Array<Sse.Event> = []
    const parser = Sse.makeParser((event) => void (event._tag === "Event" && found.push(event)))
    return Stream.decodeText(response.stream).pipe(
      Stream.mapEffect((text) => Effect.suspend(() => parser.feed(text) ?? Effect.succeed(found.splice(0)))),
      Stream.mapConcat((events) => events),
    )
  })
