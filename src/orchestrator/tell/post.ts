/** post: one HTTP request to an outside receiver, with a time limit. Ignores the response body and follows no redirect. */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { Duration, Effect, Redacted } from "effect"

/** A request. */
export interface Post {
  readonly contentType: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** How long a receiver may take. */
const LIMIT = Duration.seconds(10)

/** The status of the response; 0 without one. Errors are dropped: they contain the address, which may be a secret. */
export const post = (url: Redacted.Redacted, { contentType, headers, body }: Post): Effect.Effect<number> =>
  Effect.flatMap(HttpClient.HttpClient, (client) =>
    HttpClientRequest.post(Redacted.value(url)).pipe(
      HttpClientRequest.setHeaders({ ...headers, "user-agent": "bot-bottle" }),
      HttpClientRequest.bodyText(body, contentType),
      // Spans would contain the address, and send trace headers to the receiver. The scope ends a response that is not read.
      HttpClient.withTracerDisabledWhen(HttpClient.withScope(client), () => true).execute,
    ),
  ).pipe(
    Effect.map(({ status }) => status),
    Effect.scoped,
    Effect.timeout(LIMIT),
    Effect.provide(NodeHttpClient.layer),
    Effect.catchAllCause(() => Effect.succeed(0)),
  )
