/** Programs and live layers of the commands that touch bottles, loaded when one of them runs. */
import { Prompt } from "@effect/cli"
import { Effect } from "effect"
import { InvalidInput } from "../../domain/Errors.ts"
import { layer, lookups } from "../../layers/live.ts"
import { Manifests } from "../../services/Manifests.ts"

export { layer as live, lookups }
export { startInteractive, resumeInteractive } from "../../programs/interactive.ts"
export { collectGarbage } from "../../programs/collectGarbage.ts"
export { destroy } from "../../programs/destroy.ts"
export { freeze } from "../../programs/freeze.ts"
export { launch, planStart, prepareStart } from "../../programs/launch.ts"
export { listBottles } from "../../programs/listBottles.ts"
export { orchestrateResume } from "../../programs/orchestrateResume.ts"
export { orchestrateStart } from "../../programs/orchestrateStart.ts"
export { planResume, prepareResume, resumeHeadless } from "../../programs/resumeHeadless.ts"
export { readLogs } from "../../programs/readLogs.ts"
export { startHeadless } from "../../programs/startHeadless.ts"
export { stop } from "../../programs/stop.ts"
export { verifyProvenance } from "../../programs/verifyProvenance.ts"

/** Lets the operator choose an agent from those there are. */
export const pickAgent = Effect.gen(function* () {
  const { agents } = yield* (yield* Manifests).list()
  if (agents.length === 0) {
    return yield* new InvalidInput({
      field: "agent",
      reason: `there are no agent manifests: "bot-bottle init" writes examples`,
    })
  }
  return yield* Prompt.select({
    message: "Which agent?",
    choices: agents.map((agent) => ({
      title: agent.name,
      value: agent.name,
      description: agent.description,
    })),
  })
}).pipe(Effect.provide(lookups))
