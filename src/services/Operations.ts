/** Operations stores operations on bottles and their results. `IssueStates.commit` begins them. */
import { Context, type Effect, type Option } from "effect"
import type { StateStoreError } from "../domain/Errors.ts"
import type { IssueKey, OperationId, Page } from "../domain/orchestrator/IssueKey.ts"
import type {
  HostName,
  IssueRun,
  OperationEnd,
  StartedRun,
  StoredOperation,
} from "../domain/orchestrator/StoredOperation.ts"

/** Operations stores operations on bottles and their results. */
export class Operations extends Context.Tag("bot-bottle/Operations")<
  Operations,
  {
    readonly get: (id: OperationId) => Effect.Effect<Option.Option<StoredOperation>, StateStoreError>
    /** The operation of an issue that began last, open or finished. */
    readonly newest: (issue: IssueKey) => Effect.Effect<Option.Option<StoredOperation>, StateStoreError>
    /** The runs of an issue that operations started, the newest first. `after` is the ID of an operation. */
    readonly runs: (
      issue: IssueKey,
      page: Page<Pick<StoredOperation, "id">>,
    ) => Effect.Effect<ReadonlyArray<IssueRun>, StateStoreError>
    /** Open operations of a host, in the order in which they began. */
    readonly open: (
      host: HostName,
      page: Page<Pick<StoredOperation, "id">>,
    ) => Effect.Effect<ReadonlyArray<StoredOperation>, StateStoreError>
    /**
     * Records which run an open operation starts, before it starts it. The first record counts, and the returned row has it. None when
     * there is no such operation.
     */
    readonly start: (
      id: OperationId,
      started: StartedRun,
    ) => Effect.Effect<Option.Option<StoredOperation>, StateStoreError>
    /**
     * Finishes an open operation, counts the usage, and adds a hint to look at its issue, in one transaction. An operation that is
     * finished stays as it is. Returns the resulting row; none when there is no such operation.
     */
    readonly finish: (
      id: OperationId,
      end: OperationEnd,
    ) => Effect.Effect<Option.Option<StoredOperation>, StateStoreError>
  }
>() {}
