/** bot-bottle/ForgeCalls: the calls at the neck, and the parts to write your own. */
export type { Asking } from "../sidecar/forge/asking.ts"
export { CallFailure } from "../sidecar/forge/CallFailure.ts"
export type { Call, Done } from "../sidecar/forge/Calls.ts"
export type { CallContext, Propose, RunForge } from "../sidecar/forge/callContext.ts"
export { builtIn } from "../sidecar/forge/calls/index.ts"
export type {
  CallDescription,
  CallError,
  ForgeCall,
  ForgeCallSpec,
  LocalCallSpec,
  ReadCallSpec,
  WriteCallSpec,
  WriteGuard,
} from "../sidecar/forge/ForgeCall.ts"
export { make, makeLocal } from "../sidecar/forge/ForgeCall.ts"
export type { McpContent, McpTool } from "../sidecar/forge/McpTools.ts"
export { anyText, described, numberOf, text } from "../sidecar/forge/parameters.ts"
export type { RunScope } from "../sidecar/forge/RunScope.ts"
export { inline, quoted } from "../sidecar/forge/showing.ts"
export type { AssignedNumbers, CallOption, CallUsage, CallWord } from "../domain/ForgeCommands.ts"
export { NeckCommands } from "../services/NeckCommands.ts"
