/** post: one HTTP request to an outside receiver, with a time limit. Ignores the response body and follows no redirect. */
import { Effect, Redacted } from "effect"
import { request as plain } from "node:http"
import { request as tls } from "node:https"

/** A request. */
export interface Post {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** How long a receiver may take. */
const LIMIT = 10_000

/** The status of the response; 0 without one. */
export const post = (url: Redacted.Redacted, { headers, body }: Post): Effect.Effect<number> =>
  Effect.async<number>((resume) => {
    const address = Redacted.value(url)
    const call = (address.startsWith("https:") ? tls : plain)(
      address,
      {
        method: "POST",
        headers: { ...headers, "user-agent": "bot-bottle", "content-length": Buffer.byteLength(body) },
        signal: AbortSignal.timeout(LIMIT),
        agent: false,
      },
      (response) => {
        resume(Effect.succeed(response.statusCode ?? 0))
        // The response body is not read.
        response.on("error", () => undefined)
        response.destroy()
      },
    )
    call.on("error", () => resume(Effect.succeed(0)))
    call.end(body)
    return Effect.sync(() => call.destroy())
  }).pipe(Effect.catchAllDefect(() => Effect.succeed(0)))
