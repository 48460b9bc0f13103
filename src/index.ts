/** The public API of bot-bottle: programs, services, domain types and errors. Layers have their own export paths. */
export * from "./domain/Errors.ts"
export { BottleMetadata, BottleSpec, BottleState, BottleStatus } from "./domain/Bottle.ts"
export type {
  BottleDone,
  BottleExit,
  BottlePlan,
  LaunchPlan,
  ManifestDigest,
  NeckOpenings,
  PlanBuild,
  PlanLimits,
  PullPolicy,
  RunFile,
  RunLaunch,
  RunTrigger,
  RunUseLimits,
  WorkspaceListing,
} from "./domain/Bottle.ts"
export type { PlanClone } from "./domain/Clone.ts"
export { RunKey } from "./domain/DeployKey.ts"
export type { PlannedKey } from "./domain/DeployKey.ts"
export { Comment, DeployKey, Issue, PullRequest, WriteScope } from "./domain/Forge.ts"
export {
  Attachment,
  CheckResult,
  Checks,
  CheckState,
  IssuePage,
  PullRequestDetails,
  Review,
  ReviewLine,
  stateOfChecks,
} from "./domain/ForgeDetails.ts"
export type { AttachmentContent, Dependencies, IssueQuery, TimelineEntry } from "./domain/ForgeDetails.ts"
export { AssignedForge, Assignment } from "./domain/Assignment.ts"
export type { ForgeTrust } from "./domain/Assignment.ts"
export { atRepository, ForgeAccess, ForgeTarget } from "./domain/ForgeTarget.ts"
export { forgeAddress } from "./domain/ForgeAddress.ts"
export { ForgeReason, reasonOfStatus } from "./domain/ForgeReason.ts"
export { ForgeState } from "./domain/ForgeState.ts"
export type { ForgeStateKey } from "./domain/ForgeState.ts"
export { ForgeStatus } from "./domain/ForgeStatus.ts"
export type { AgentManifest, Limits, ProviderName } from "./domain/Manifest.ts"
export { BottleManifest, mergeBottles } from "./domain/Manifest.ts"
export type { GitKey, GitRules, GitUpstream, OwnRepository, PushAfter } from "./domain/ManifestGit.ts"
export type { MissingContent } from "./domain/RepositoryContents.ts"
export type { RunBottle, RunGit, RunUpstream } from "./domain/OwnRepository.ts"
export type { NumberedEvent } from "./domain/QueueEvent.ts"
export type { Outside, ProbeClass, ProbeResult, Verdict, Verification } from "./domain/probes/Probe.ts"
export type {
  ForgeGround,
  GitGround,
  GitPush,
  GroundListener,
  ProbeGround,
} from "./domain/probes/ProbeGround.ts"
export { OperationLine } from "./domain/OperationLine.ts"
export { QueueEvent } from "./domain/QueueEvent.ts"
export type { NeckLimits } from "./domain/RunLimits.ts"
export { Slug } from "./domain/Slug.ts"
export type { ModelPrice, PriceTable, Rates } from "./domain/usage/Prices.ts"
export { totalOf } from "./domain/usage/RunMeter.ts"
export type { HostUse, ModelUse, RunMeter, UseTotal } from "./domain/usage/RunMeter.ts"
export type { Tokens } from "./domain/usage/Tokens.ts"
export type { Arch } from "./domain/probeMachine/SystemCalls.ts"
export { parseTarget } from "./domain/Targeting.ts"
export type { Target } from "./domain/Targeting.ts"
export type { VerificationKey } from "./domain/Verification.ts"
export { VERSION } from "./domain/Version.ts"

export { Backends } from "./services/Backends.ts"
export type {
  Backend,
  BackendArtifact,
  BackendBottle,
  BackendBuild,
  BackendEnding,
  BackendError,
  CopySource,
  CopyTarget,
  CreatedBottle,
} from "./services/Backends.ts"
export { BottleEvents } from "./services/BottleEvents.ts"
export { BottleStore } from "./services/BottleStore.ts"
export type { BottleOperation } from "./services/BottleStore.ts"
export { DeployKeys } from "./services/DeployKeys.ts"
export { AnswerRoom, Forge, scoped, scopedWrites } from "./services/Forge.ts"
export type {
  AnswerRoomShape,
  ForgeApi,
  ForgeReads,
  ForgeSelf,
  ForgeWriteError,
  ForgeWrites,
  OpenPr,
} from "./services/Forge.ts"
export type { ChangedIssue, ForgeChanges } from "./domain/ForgeChanges.ts"
export type { ForgeHook, ForgeHooks, HookPlace, NewHook } from "./services/ForgeHooks.ts"
export { Forges } from "./services/Forges.ts"
export { ReactionContent } from "./domain/orchestrator/Outbox.ts"
export type { ForgeKind, ForgesApi, ForgeVariables, Reacts, ReactTo, ReadsFile } from "./services/Forges.ts"
export { ForgeStateStore } from "./services/ForgeStateStore.ts"
export { Manifests } from "./services/Manifests.ts"
export type {
  ManifestEntry,
  ManifestList,
  ManifestScope,
  ProjectFile,
  ProjectReport,
} from "./services/Manifests.ts"
export { ObjectStores } from "./services/ObjectStores.ts"
export { OperationLogs } from "./services/OperationLogs.ts"
export type { AuditRequest, LogAudit, LogVerdict } from "./services/OperationLogs.ts"
export { ProvenanceStore } from "./services/ProvenanceStore.ts"
export { ProcessError, ProcessRunner } from "./services/ProcessRunner.ts"
export type {
  DetachedSpec,
  OutputChunk,
  ProcessExit,
  ProcessResult,
  ProcessSpec,
  RunningProcess,
} from "./services/ProcessRunner.ts"
export { Providers } from "./services/Providers.ts"
export type { AgentInvocation, Provider, ProviderInput } from "./services/Providers.ts"
export { GroundFailure, ProvingGround } from "./services/ProvingGround.ts"
export type { Ground } from "./services/ProvingGround.ts"
export { Requests } from "./services/Requests.ts"
export {
  AgentRequest,
  REQUEST_KINDS,
  RequestDecision,
  RequestDetail,
  RequestId,
  RequestKind,
  RequestTaken,
  detailText,
  requestText,
  stateOfRequest,
} from "./domain/AgentRequest.ts"
export type { BottleRequest, RequestState } from "./domain/AgentRequest.ts"
export { RunDirectories } from "./services/RunDirectories.ts"
export type { KeptOutput, LeftRun } from "./services/RunDirectories.ts"
export { Signatures } from "./services/Signatures.ts"
export type { PublicKey } from "./services/Signatures.ts"
export { Sidecar } from "./services/Sidecar.ts"
export type { FoundSidecar, SidecarConfig, SidecarHandle } from "./services/Sidecar.ts"
export type { ForgeEnv } from "./services/ForgeEnv.ts"
export type { SidecarRecords, SidecarServices } from "./services/SidecarServices.ts"
export { VerificationStore } from "./services/VerificationStore.ts"
export { Verifier } from "./services/Verifier.ts"
export type { VerificationRequest, Verified, VerifyOptions } from "./services/Verifier.ts"

export { awaitExit } from "./programs/awaitExit.ts"
export { collectGarbage } from "./programs/collectGarbage.ts"
export type { Garbage, GarbageEvent, GarbageOptions } from "./programs/collectGarbage.ts"
export { destroy } from "./programs/destroy.ts"
export { doctor, forgeChecks } from "./programs/doctor.ts"
export type { DoctorCheck, Finding } from "./programs/doctor.ts"
export { freeze } from "./programs/freeze.ts"
export type { BackendOption } from "./programs/freeze.ts"
export { attach, awaitEnd, resumeInteractive, startInteractive } from "./programs/interactive.ts"
export type { Confirm } from "./programs/interactive.ts"
export { checkStart, launch, performStart, planStart, prepareStart } from "./programs/launch.ts"
export type { PreparedStart } from "./programs/launch.ts"
export { inspectBottle } from "./programs/inspectBottle.ts"
export type { Inspected } from "./programs/inspectBottle.ts"
export type { LimitsInForce } from "./programs/limitsInForce.ts"
export { decideRequest } from "./programs/decideRequest.ts"
export type { DecidedRequest, GivenDecision } from "./programs/decideRequest.ts"
export { listBottles } from "./programs/listBottles.ts"
export { listRequests } from "./programs/listRequests.ts"
export type { RequestsOptions } from "./programs/listRequests.ts"
export type { ForgeOption } from "./programs/assignedForge.ts"
export type {
  HandOver,
  HeadlessOptions,
  HeadlessResumeOptions,
  KeyOption,
  ResumeOptions,
  RunEvent,
  StartOptions,
  TriggerOption,
  WatchOptions,
} from "./programs/options.ts"
export { orchestrateAssign } from "./programs/orchestrateAssign.ts"
export type { OrchestrateAssignOptions } from "./programs/orchestrateAssign.ts"
export { orchestrateResume } from "./programs/orchestrateResume.ts"
export type { OrchestrateResumeOptions } from "./programs/orchestrateResume.ts"
export { orchestrateStart } from "./programs/orchestrateStart.ts"
export type { OrchestrateStartOptions } from "./programs/orchestrateStart.ts"
export { orchestrateStatus } from "./programs/orchestrateStatus.ts"
export { readLogs } from "./programs/readLogs.ts"
export { runUse } from "./programs/runUse.ts"
export type { LogsOptions } from "./programs/readLogs.ts"
export { checkResume, performResume, planResume, prepareResume, relaunch } from "./programs/relaunch.ts"
export type { PreparedResume } from "./programs/relaunch.ts"
export type { ResolvedRun } from "./programs/resolveRun.ts"
export { resumeHeadless } from "./programs/resumeHeadless.ts"
export { startHeadless } from "./programs/startHeadless.ts"
export { stop } from "./programs/stop.ts"
export { copyIn, copyOut, openShell } from "./programs/tools.ts"
export { makeVerifier } from "./programs/requireVerified.ts"
export { verify } from "./programs/verify.ts"
export type { Retention } from "./programs/retention.ts"
export { backup, restore } from "./programs/backup.ts"
export type { BackupOptions } from "./programs/backup.ts"
export { HomeArchive } from "./services/HomeArchive.ts"
export type { ArchiveInfo, SavedImage } from "./services/HomeArchive.ts"
export { attest, attestAll } from "./programs/attest.ts"
export { exportProvenance } from "./programs/exportProvenance.ts"
export { provenanceOf, verifyExport, verifyProvenance } from "./programs/verifyProvenance.ts"
export type { ProvenanceVerdict } from "./programs/verifyProvenance.ts"
export type { StatedRun } from "./domain/checkStatements.ts"
export { Envelope, RunPredicate, RunStatement } from "./domain/Provenance.ts"
export type {
  LogCounts,
  LogPart,
  Outcomes,
  PushedCommits,
  RunIssue,
  StoredStatement,
} from "./domain/Provenance.ts"
