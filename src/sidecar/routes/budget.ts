/** The budget of a run: the limits of its document, and what a person added to them. */
import { Effect, FiberSet, type Scope } from "effect"
import { budgetOf } from "../../domain/AgentRequest.ts"
import type { RunUseLimits } from "../../domain/Bottle.ts"
import type { UseLimits } from "../../domain/usage/UseLimits.ts"
import type { MeterApi } from "../record/Meter.ts"
import type { RequestsApi } from "../record/Requests.ts"
import type { MoreBudget } from "./meteredCalls.ts"

/** The limits of a meter. */
export const useLimitsOf = ({ tokens, cost, calls }: RunUseLimits = {}): UseLimits => ({
  tokens,
  cost: cost === undefined ? undefined : millionths(cost),
  calls,
})

/** Budget that a person approved: it is added when a call does not fit any more. */
export const moreBudget = (
  meter: MeterApi,
  requests: RequestsApi,
): Effect.Effect<MoreBudget, never, Scope.Scope> =>
  Effect.map(FiberSet.makeRuntime<never>(), (run) => ({
    isExpected: () => requests.expects("budget"),
    add: (then) =>
      void run(
        requests
          .take("budget", () => true)
          .pipe(
            Effect.map(budgetOf),
            Effect.map(({ tokens, cost }) => meter.extend({ tokens, cost: millionths(cost) })),
            Effect.catchAll((error) => Effect.logError("approvals of budget cannot be read", error)),
            Effect.ensuring(Effect.sync(then)),
          ),
      ),
  }))

/** Money is counted in millionths. */
const millionths = (cost: number): number => Math.floor(cost * 1_000_000)
