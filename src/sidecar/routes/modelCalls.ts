/** Records a model provider's refusals during a run as events, for the decision about what follows the run. */
import { Clock, Effect, Option } from "effect"
import type { IncomingMessage } from "node:http"
import { gunzipSync } from "node:zlib"
import type { SidecarError } from "../../domain/Errors.ts"
import { type ProviderRefusal, refusalOf } from "../../domain/ProviderLimits.ts"
import type { QueueEvent } from "../../domain/QueueEvent.ts"
import type { Slug } from "../../domain/Slug.ts"

/** Looks at one call. */
export interface WatchedCall {
  /** Called with the upstream's response, before any of it passes. */
  readonly answered: (answer: IncomingMessage) => void
  /** Records what the response says, if it is new. Completes when it is flushed to disk. */
  readonly told: Effect.Effect<void>
}

/** Watches the calls of a route to a model. Methods and paths that do not call a model are ignored. */
export type WatchModelCall = (route: string, method: string, path: string) => WatchedCall | undefined

/** How much of an error's body is inspected. */
const BODY_MAX = 16 * 1024
/** After this time an unchanged refusal is recorded again. */
const SAME_MS = 10_000
/** An agent that calls in a loop must not fill the queue. */
const TOLD_MAX = 2_000

/** Makes the watch of one run. */
export const watchModelCalls = (
  { slug, run }: { readonly slug: Slug; readonly run: number },
  append: (event: QueueEvent) => Effect.Effect<number, SidecarError>,
): WatchModelCall => {
  const refused = new Map<string, { readonly at: number; readonly until: number }>()
  let count = 0

  const tell = (event: QueueEvent) =>
    Effect.suspend(() => {
      count += 1
      return count > TOLD_MAX ? Effect.void : Effect.catchAll(append(event), Effect.logWarning)
    })
  const common = (now: number, route: string) => ({
    version: 1 as const,
    slug,
    run,
    route,
    at: new Date(now).toISOString(),
  })
  const tellRefusal = (route: string, now: number, { reason, until }: ProviderRefusal) => {
    const before = refused.get(route)
    if (before !== undefined && now - before.at < SAME_MS && (until ?? 0) <= before.until + SAME_MS)
      return Effect.void
    refused.set(route, { at: now, until: until ?? 0 })
    return tell({
      ...common(now, route),
      kind: "model-refused",
      reason,
      ...(until !== undefined && { until: new Date(until).toISOString() }),
    })
  }
  const tellAnswer = (route: string, now: number) =>
    refused.delete(route) ? tell({ ...common(now, route), kind: "model-answered" }) : Effect.void

  return (route, method, path) => {
    if (method !== "POST" || /\/count_tokens\/?$/.test(path)) return undefined
    let answer: IncomingMessage | undefined
    const parts: Array<Buffer> = []
    let size = 0
    return {
      answered: (found) => {
        answer = found
        if ((found.statusCode ?? 0) < 400) return
        found.on("data", (chunk: Buffer) => {
          if (size < BODY_MAX) parts.push(chunk)
          size += chunk.length
        })
      },
      told: Effect.flatMap(Clock.currentTimeMillis, (now) => {
        if (answer === undefined) return Effect.void
        const { statusCode: status = 0, headers } = answer
        const body = bodyOf(Buffer.concat(parts).subarray(0, BODY_MAX), headers["content-encoding"])
        const refusal = refusalOf({ status, headers, body, at: now })
        if (Option.isSome(refusal)) return tellRefusal(route, now, refusal.value)
        // Another failure of the provider says nothing about its limits.
        return status < 500 ? tellAnswer(route, now) : Effect.void
      }),
    }
  }
}

const bodyOf = (bytes: Buffer, encoding: string | undefined): string =>
  encoding === "gzip"
    ? Option.getOrElse(
        Option.liftThrowable(() => gunzipSync(bytes, { maxOutputLength: 16 * BODY_MAX }).toString("utf8"))(),
        () => "",
      )
    : bytes.toString("utf8")
