/** Operations keeps what is to be done to bottles, and what came of it; `IssueStates.commit` begins them. */
import { Context, type Effect, type Option } from "effect"
import type { StateStoreError } from "../domain/Errors.ts"
import type { IssueKey, OperationId, Page } from "../domain/orchestrator/IssueKey.ts"
import type {
  HostName,
  OperationEnd,
  StartedRun,
  StoredOperation,
} from "../domain/orchestrator/StoredOperation.ts"

/** Operations keeps what is to be done to bottles. */
export class Operations extends Context.Tag("bot-bottle/Operations")<
  Operations,
  {
    readonly get: (id: OperationId) => Effect.Effect<Option.Option<StoredOperation>, StateStoreError>
    /** The operation of an issue that began last, open or not. */
    readonly newest: (issue: IssueKey) => Effect.Effect<Option.Option<StoredOperation>, StateStoreError>
    /** Open operations of a host, in the order in which they began. */
    readonly open: (
      host: HostName,
      page: Page<Pick<StoredOperation, "id">>,
    ) => Effect.Effect<ReadonlyArray<StoredOperation>, StateStoreError>
    /** Notes which run an open operation starts, before it does. The first note counts: the row says which. None when there is no such operation. */
    readonly start: (
      id: OperationId,
      started: StartedRun,
    ) => Effect.Effect<Option.Option<StoredOperation>, StateStoreError>
    /**
     * Ends an open operation, counts the usage, and leaves a hint to look at its issue, in one transaction. One that has ended stays as it
     * ended first. Returns the row as it is then; none when there is no such operation.
     */
    readonly finish: (
      id: OperationId,
      end: OperationEnd,
    ) => Effect.Effect<Option.Option<StoredOperation>, StateStoreError>
  }
>() {}
