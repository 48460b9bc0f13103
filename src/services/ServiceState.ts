/** ServiceState is the state that a service shares with the processes that inspect or steer it. */
import { Context, type Effect, type Option } from "effect"
import type { StateStoreError } from "../domain/Errors.ts"
import type { IssueKey } from "../domain/orchestrator/IssueKey.ts"
import type { ReportedHealth, ServiceHealth } from "../domain/orchestrator/ServiceHealth.ts"

/** ServiceState is the state that a service shares with other processes. It outlives both. */
export class ServiceState extends Context.Tag("bot-bottle/ServiceState")<
  ServiceState,
  {
    /** When launches were paused, in milliseconds; none when they are not paused. */
    readonly pausedAt: Effect.Effect<Option.Option<number>, StateStoreError>
    /** Pauses launches from now on. The first time counts. */
    readonly pause: (at: number) => Effect.Effect<void, StateStoreError>
    /** Resumes launches. */
    readonly resume: Effect.Effect<void, StateStoreError>
    /** The last report of a service; none when there never was one. */
    readonly health: Effect.Effect<Option.Option<ReportedHealth>, StateStoreError>
    /** Replaces the former report; the new one is of this process. */
    readonly report: (health: ServiceHealth) => Effect.Effect<void, StateStoreError>
    /** Asks the service to look at an issue now, whatever it waits for. */
    readonly ask: (issue: IssueKey) => Effect.Effect<void, StateStoreError>
    /** Takes the pending requests. */
    readonly asked: Effect.Effect<ReadonlyArray<IssueKey>, StateStoreError>
  }
>() {}
