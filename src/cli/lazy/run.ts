/** Programs and live layers of the commands that touch bottles, loaded when one of them runs. */
import { layer, lookups } from "../../layers/live.ts"

export { layer as live, lookups }
export { pickAgent, pickBottles } from "./pick.ts"
export { attach, startInteractive, resumeInteractive } from "../../programs/interactive.ts"
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
export { copyOut, openShell } from "../../programs/tools.ts"
export { verifyProvenance } from "../../programs/verifyProvenance.ts"
