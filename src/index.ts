/** The public surface of bot-bottle: programs, services, domain and errors. Layers have export paths of their own. */
export * from "./domain/Errors.ts"
export { BottleMetadata, BottleSpec, BottleState, BottleStatus } from "./domain/Bottle.ts"
export type {
  BottleDone,
  BottleExit,
  BottlePlan,
  LaunchPlan,
  NeckOpenings,
  RunFile,
  WorkspaceListing,
} from "./domain/Bottle.ts"
export type { PlanClone } from "./domain/Clone.ts"
export { RunKey } from "./domain/DeployKey.ts"
export { Comment, DeployKey, Issue, PullRequest, WriteScope } from "./domain/Forge.ts"
export { forgeAddress } from "./domain/ForgeAddress.ts"
export { ForgeState } from "./domain/ForgeState.ts"
export type { ForgeStateKey } from "./domain/ForgeState.ts"
export { ForgeStatus } from "./domain/ForgeStatus.ts"
export type { AgentManifest } from "./domain/Manifest.ts"
export { BottleManifest, mergeBottles } from "./domain/Manifest.ts"
export type { NumberedEvent } from "./domain/QueueEvent.ts"
export type { ProbeResult, Verification } from "./domain/probes/Probe.ts"
export { QueueEvent } from "./domain/QueueEvent.ts"
export { Slug } from "./domain/Slug.ts"
export { parseTarget } from "./domain/Targeting.ts"
export { VERSION } from "./domain/Version.ts"

export { Backends } from "./services/Backends.ts"
export type { Backend } from "./services/Backends.ts"
export { BottleStore } from "./services/BottleStore.ts"
export { AnswerRoom, Forge, scoped } from "./services/Forge.ts"
export type { ForgeApi } from "./services/Forge.ts"
export { Forges } from "./services/Forges.ts"
export type { RunForge } from "./services/Forges.ts"
export { ForgeStateStore } from "./services/ForgeStateStore.ts"
export { Manifests } from "./services/Manifests.ts"
export { ProcessRunner } from "./services/ProcessRunner.ts"
export { Providers } from "./services/Providers.ts"
export { ProvingGround } from "./services/ProvingGround.ts"
export { Sidecar } from "./services/Sidecar.ts"
export type { ForgeEnv, SidecarConfig, SidecarHandle } from "./services/Sidecar.ts"
export { VerificationStore } from "./services/VerificationStore.ts"
export { Verifier } from "./services/Verifier.ts"
export type { Verified, VerifyOptions } from "./services/Verifier.ts"

export { awaitExit } from "./programs/awaitExit.ts"
export { collectGarbage } from "./programs/collectGarbage.ts"
export type { Garbage, GarbageEvent, GarbageOptions } from "./programs/collectGarbage.ts"
export { destroy } from "./programs/destroy.ts"
export { doctor, forgeProbes } from "./programs/doctor.ts"
export type { Finding, Probe } from "./programs/doctor.ts"
export { freeze } from "./programs/freeze.ts"
export { attach, resumeInteractive, startInteractive } from "./programs/interactive.ts"
export { launch } from "./programs/launch.ts"
export { listBottles } from "./programs/listBottles.ts"
export type {
  HeadlessOptions,
  HeadlessResumeOptions,
  ResumeOptions,
  RunEvent,
  StartOptions,
  WatchOptions,
} from "./programs/options.ts"
export { orchestrateAssign } from "./programs/orchestrateAssign.ts"
export { orchestrateResume } from "./programs/orchestrateResume.ts"
export { orchestrateStart } from "./programs/orchestrateStart.ts"
export { orchestrateStatus } from "./programs/orchestrateStatus.ts"
export { readLogs } from "./programs/readLogs.ts"
export { resumeHeadless } from "./programs/resumeHeadless.ts"
export { startHeadless } from "./programs/startHeadless.ts"
export { stop } from "./programs/stop.ts"
export { copyOut, openShell } from "./programs/tools.ts"
export { makeVerifier } from "./programs/requireVerified.ts"
export { verify } from "./programs/verify.ts"
export { verifyProvenance } from "./programs/verifyProvenance.ts"
