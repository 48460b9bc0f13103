/** sharedPages: operators who look at the same page at the same time share one reading of the stores and one encoding. */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import type * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { Clock, Duration, Effect } from "effect"
import type { DurationInput } from "effect/Duration"
import { StoreRevision } from "../../services/StoreRevision.ts"

/** What the dashboard shows all the time. Logs and outputs are large, and each is read by few. */
const SHARED = /^\/(?:status|usage|issues|bottles|requests)(?:$|[/?])/
const NOT_SHARED = /\/(?:log|output)(?:$|[/?])/
/** The only page that names the operator. */
const OWN = /^\/status(?:$|\?)/

/** So many pages are kept, the ones that were asked for last. */
const KEPT_MAX = 64
/** Larger answers are not kept, in bytes. */
const ANSWER_MAX = 512 * 1024

/** An answer, and what was so when it was begun. */
interface Answer {
  readonly response: HttpServerResponse.HttpServerResponse
  readonly revision: string
  /** How many orders had ended. */
  readonly orders: number
  /** In milliseconds. */
  readonly at: number
}

interface Page {
  readonly turn: Effect.Semaphore
  answer?: Answer
}

/**
 * Answers a page again as long as nothing was stored and no order was carried out since, and it is younger than `hold`: some of what is
 * shown, such as what a run has used, is in no table. Who asks while a page is read waits for that reading. Stores that cannot tell
 * whether something was stored are read for each request. `nameOf` names the operator of a request.
 */
export const sharedPages = Effect.fnUntraced(function* (options: {
  readonly hold: DurationInput
  readonly nameOf: (request: HttpServerRequest.HttpServerRequest) => string
}) {
  const revision = Effect.orElseSucceed(yield* StoreRevision, () => undefined)
  const hold = Duration.toMillis(options.hold)
  const pages = new Map<string, Page>()
  let orders = 0

  const pageAt = (key: string): Page => {
    const page = pages.get(key) ?? { turn: Effect.unsafeMakeSemaphore(1) }
    // The map is in order of use.
    pages.delete(key)
    pages.set(key, page)
    const [oldest] = pages.keys()
    if (pages.size > KEPT_MAX && oldest !== undefined) pages.delete(oldest)
    return page
  }

  const shared = <E, R>(page: Page, app: HttpApp.Default<E, R>) =>
    Effect.gen(function* () {
      const current = yield* revision
      if (current === undefined) return yield* app
      const at = yield* Clock.currentTimeMillis
      const { answer } = page
      const isCurrent = answer?.revision === current && answer.orders === orders
      if (answer !== undefined && isCurrent && at >= answer.at && at - answer.at < hold)
        return answer.response
      const begun = { revision: current, orders, at }
      delete page.answer
      const response = yield* app
      const { body } = response
      if (body._tag === "Uint8Array" && body.contentLength <= ANSWER_MAX) page.answer = { ...begun, response }
      return response
    }).pipe(page.turn.withPermits(1))

  return <E, R>(app: HttpApp.Default<E, R>): HttpApp.Default<E, R> => {
    const ordered = Effect.ensuring(
      app,
      Effect.sync(() => void (orders += 1)),
    )
    return Effect.flatMap(HttpServerRequest.HttpServerRequest, (request): HttpApp.Default<E, R> => {
      const { method, url } = request
      if (method !== "GET") return method === "HEAD" ? app : ordered
      if (!SHARED.test(url) || NOT_SHARED.test(url)) return app
      return shared(pageAt(`${OWN.test(url) ? options.nameOf(request) : ""} ${url}`), app)
    })
  }
})
