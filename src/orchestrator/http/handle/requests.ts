/** Answers about requests of agents. */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import { Effect } from "effect"
import {
  type BottleRequest,
  detailText,
  type RequestId,
  stateOfRequest,
} from "../../../domain/AgentRequest.ts"
import { decideRequest, type GivenDecision } from "../../../programs/decideRequest.ts"
import { listRequests } from "../../../programs/listRequests.ts"
import type { BottleEvents } from "../../../services/BottleEvents.ts"
import type { ForgeStateStore } from "../../../services/ForgeStateStore.ts"
import type { History } from "../../../services/History.ts"
import type { Inbox } from "../../../services/Inbox.ts"
import type { Requests } from "../../../services/Requests.ts"
import type { ServiceState } from "../../../services/ServiceState.ts"
import type { Sidecar } from "../../../services/Sidecar.ts"
import { BadRequest, Conflict, NotFound, type Unavailable } from "../api/errors.ts"
import { Operator } from "../api/Operator.ts"
import { ServiceApi } from "../ServiceApi.ts"
import { issuesOf } from "./bottles.ts"
import { orUnavailable, unavailable } from "./failures.ts"
import { newestPage } from "./newest.ts"
import { order } from "./order.ts"

type RequestServices = BottleEvents | ForgeStateStore | History | Inbox | Requests | ServiceState | Sidecar

/** `requests` */
export const requests = HttpApiBuilder.group(ServiceApi, "requests", (handlers) =>
  Effect.map(Effect.context<RequestServices>(), (context) => {
    const withStores = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.provide(effect, context)
    return handlers
      .handle("list", ({ urlParams: { limit, cursor, all } }) =>
        withStores(
          Effect.gen(function* () {
            const rows = yield* orUnavailable(listRequests({ all: all === "true" }))
            const { items, next } = yield* newestPage(rows, ({ at, id }) => ({ at, name: id }), {
              limit,
              cursor,
            })
            return { items: items.map(viewOf), next }
          }),
        ),
      )
      .handle("approve", ({ path: { id }, payload: { scope } }) =>
        withStores(decided("approve", id, { verdict: "approved", ...(scope !== undefined && { scope }) })),
      )
      .handle("deny", ({ path: { id }, payload: { reason } }) =>
        withStores(decided("deny", id, { verdict: "denied", reason })),
      )
      .handle("answer", ({ path: { id }, payload: { text } }) =>
        withStores(decided("answer", id, { verdict: "answered", answer: text })),
      )
  }),
)

const viewOf = ({ decision, taken, ...request }: BottleRequest) => ({
  ...request,
  asks: detailText(request.detail),
  state: stateOfRequest({ ...(decision !== undefined && { decision }) }),
  decision: decision ?? null,
  taken: taken ?? null,
})

type Verdict<A> = A extends GivenDecision ? Omit<A, "by"> : never

/** A request must be known, so that the history has no orders about nothing. */
const decided = (action: "approve" | "deny" | "answer", id: RequestId, verdict: Verdict<GivenDecision>) =>
  Effect.gen(function* () {
    const { name: by } = yield* Operator
    const known = (yield* orUnavailable(listRequests({ all: true }))).find((request) => request.id === id)
    if (known === undefined)
      return yield* new NotFound({ message: `there is no request ${id}: GET /requests lists them` })
    const [issue] = yield* orUnavailable(issuesOf(known.slug))
    const about = { slug: known.slug, detail: id, ...(issue !== undefined && { issue }) }
    const { request, isRunning } = yield* order(
      action,
      about,
      ofRequest(decideRequest(id, { ...verdict, by } as GivenDecision)),
    )
    return { request: viewOf(request), isRunning }
  })

const ofRequest = <A, E extends { readonly _tag: string; readonly message: string }, R>(
  effect: Effect.Effect<A, E, R>,
) =>
  Effect.catchAll(effect, (error): Effect.Effect<never, BadRequest | Conflict | NotFound | Unavailable> => {
    const { message } = error
    if (error._tag === "InvalidInput") return new BadRequest({ message })
    if (error._tag === "RequestNotFound") return new NotFound({ message })
    return error._tag === "RequestDecided" ? new Conflict({ message }) : unavailable(error)
  })
