/** bot-bottle/ServiceClient: the client of the orchestrator's HTTP interface, with types from its description. */
export * from "../orchestrator/http/ServiceClient.ts"
export * as ServiceClient from "../orchestrator/http/ServiceClient.ts"
export { ServiceApi } from "../orchestrator/http/ServiceApi.ts"
export * from "../orchestrator/http/api/errors.ts"
export { Operator, OperatorsOnly, SESSION_COOKIE } from "../orchestrator/http/api/Operator.ts"
export { LogLine } from "../orchestrator/http/api/bottles.ts"
export {
  HistoryCause,
  HistoryEntry,
  HistoryEvent,
  OperationKind,
  OrderedAction,
} from "../domain/orchestrator/History.ts"
