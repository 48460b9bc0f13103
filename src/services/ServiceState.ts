/** ServiceState is what a service and those who look at it or steer it from other processes have in common. */
import { Context, type Effect, type Option } from "effect"
import type { StateStoreError } from "../domain/Errors.ts"
import type { IssueKey } from "../domain/orchestrator/IssueKey.ts"
import type { ReportedHealth, ServiceHealth } from "../domain/orchestrator/ServiceHealth.ts"

/** ServiceState is what a service and other processes have in common; it outlives both. */
export class ServiceState extends Context.Tag("bot-bottle/ServiceState")<
  ServiceState,
  {
    /** Since when nothing may start, in milliseconds; none when it may. */
    readonly pausedAt: Effect.Effect<Option.Option<number>, StateStoreError>
    /** Has nothing start from now on. The first time counts. */
    readonly pause: (at: number) => Effect.Effect<void, StateStoreError>
    /** Lets agents start again. */
    readonly resume: Effect.Effect<void, StateStoreError>
    /** What the service that reported last said of itself; none when none ever did. */
    readonly health: Effect.Effect<Option.Option<ReportedHealth>, StateStoreError>
    /** Takes the place of the former report; it is of this process. */
    readonly report: (health: ServiceHealth) => Effect.Effect<void, StateStoreError>
    /** Asks the service to look at an issue now, whatever it waits for. */
    readonly ask: (issue: IssueKey) => Effect.Effect<void, StateStoreError>
    /** Takes what was asked for. */
    readonly asked: Effect.Effect<ReadonlyArray<IssueKey>, StateStoreError>
  }
>() {}
