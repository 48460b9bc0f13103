/** Answers about the service as a whole. */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import { Clock, Effect, Option } from "effect"
import { zoneOf } from "../../../domain/orchestrator/Budgets.ts"
import { dayOf, type UsageSum } from "../../../domain/orchestrator/Usage.ts"
import { History } from "../../../services/History.ts"
import type { Inbox } from "../../../services/Inbox.ts"
import { listRequests } from "../../../programs/listRequests.ts"
import { IssueStates } from "../../../services/IssueStates.ts"
import type { ProvenanceStore } from "../../../services/ProvenanceStore.ts"
import { Requests } from "../../../services/Requests.ts"
import { ServiceState } from "../../../services/ServiceState.ts"
import { Usage } from "../../../services/Usage.ts"
import { Operator } from "../api/Operator.ts"
import { scrape } from "../metrics.ts"
import { ServiceApi } from "../ServiceApi.ts"
import { orUnavailable } from "./failures.ts"
import { order } from "./order.ts"

const DAY_MS = 86_400_000
/** Money is counted in millionths. */
const MONEY = 1_000_000

/** `status`, `pause` and `continue` */
export const service = HttpApiBuilder.group(ServiceApi, "service", (handlers) =>
  Effect.gen(function* () {
    const state = yield* ServiceState
    const states = yield* IssueStates
    const history = yield* History
    const asked = yield* Requests
    const paused = Effect.map(state.pausedAt, (pausedAt) => ({ pausedAt: Option.getOrNull(pausedAt) }))
    const turn = (action: "pause" | "continue", change: typeof state.resume) =>
      order(action, {}, orUnavailable(Effect.zipRight(change, paused))).pipe(
        Effect.provideService(History, history),
      )
    return handlers
      .handle("status", () =>
        orUnavailable(
          Effect.all({
            operator: Effect.map(Operator, ({ name }) => name),
            // First: what happens while the rest is read is then in the stream.
            event: history.newest,
            health: Effect.map(state.health, Option.getOrNull),
            pausedAt: Effect.map(state.pausedAt, Option.getOrNull),
            issues: states.count,
            requests: Effect.map(
              Effect.provideService(listRequests(), Requests, asked),
              ({ length }) => length,
            ),
          }),
        ),
      )
      .handle("pause", () => turn("pause", Effect.flatMap(Clock.currentTimeMillis, state.pause)))
      .handle("continue", () => turn("continue", state.resume))
  }),
)

/** `usage` */
export const usage = (timeZone: string) =>
  HttpApiBuilder.group(ServiceApi, "usage", (handlers) =>
    Effect.map(Usage, (store) =>
      handlers.handle("sums", ({ urlParams: { by, from, to, limit, owner, repo } }) =>
        orUnavailable(
          Effect.gen(function* () {
            const now = yield* Clock.currentTimeMillis
            const zone = zoneOf(timeZone)
            const range = { from: from ?? dayOf(now - 29 * DAY_MS, zone), to: to ?? dayOf(now, zone) }
            const sums = yield* store.sums({
              by,
              ...range,
              limit,
              ...(owner !== undefined && { owner }),
              ...(repo !== undefined && { repo }),
            })
            return {
              ...range,
              timeZone,
              items: sums.map(inDollars),
            }
          }),
        ),
      ),
    ),
  )

const inDollars = (sum: UsageSum) => Object.assign({}, sum, { cost: sum.cost / MONEY })

/** `metrics` */
export const metrics = HttpApiBuilder.group(ServiceApi, "metrics", (handlers) =>
  Effect.map(Effect.context<Inbox | IssueStates | ProvenanceStore | ServiceState>(), (context) =>
    handlers.handle("scrape", () => Effect.provide(orUnavailable(scrape()), context)),
  ),
)
