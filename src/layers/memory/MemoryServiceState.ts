/** ServiceState in memory: for tests, and for programs that steer the service from within the process. */
import { Effect, Layer, Option } from "effect"
import type { IssueKey } from "../../domain/orchestrator/IssueKey.ts"
import type { ReportedHealth } from "../../domain/orchestrator/ServiceHealth.ts"
import { ServiceState } from "../../services/ServiceState.ts"

/** Not paused at first; private to this layer. */
export const layer: Layer.Layer<ServiceState> = Layer.sync(ServiceState, () => {
  let pausedAt = Option.none<number>()
  let health = Option.none<ReportedHealth>()
  const looks: Array<IssueKey> = []
  return ServiceState.of({
    pausedAt: Effect.sync(() => pausedAt),
    pause: (at) => Effect.sync(() => void (pausedAt = Option.orElseSome(pausedAt, () => at))),
    resume: Effect.sync(() => void (pausedAt = Option.none())),
    health: Effect.sync(() => health),
    report: (next) =>
      Effect.sync(() => {
        health = Option.some({ ...next, pid: process.pid, isServing: next.stoppedAt === undefined })
      }),
    ask: (issue) => Effect.sync(() => void looks.push(issue)),
    asked: Effect.sync(() => looks.splice(0)),
  })
})
