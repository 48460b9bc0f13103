/** within: a run with no more tokens and money than its budgets leave. */
import { tightened } from "../../domain/RunLimits.ts"
import type { Allowance } from "../../domain/orchestrator/Operation.ts"
import type { ResolvedRun } from "../../programs/resolveRun.ts"

/** The run with the smaller of its own limits and what is left. Its sidecar enforces them. */
export const within = (run: ResolvedRun, { tokens, cost }: Allowance): ResolvedRun => ({
  ...run,
  bottle: {
    ...run.bottle,
    limits: tightened(run.bottle.limits, {
      ...(tokens !== undefined && { tokens: Math.max(1, Math.floor(tokens)) }),
      ...(cost !== undefined && { cost }),
    }),
  },
})
