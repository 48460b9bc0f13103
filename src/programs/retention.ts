/** retention: outputs of old runs, and provenance of destroyed bottles, as garbage. */
import { Clock, Duration, Effect, Option } from "effect"
import type { Slug } from "../domain/Slug.ts"
import { BottleStore } from "../services/BottleStore.ts"
import { OperationLogs } from "../services/OperationLogs.ts"
import { ProvenanceStore } from "../services/ProvenanceStore.ts"
import { RunDirectories } from "../services/RunDirectories.ts"
import { hasEnded } from "./bottleState.ts"
import type { Garbage } from "./garbage.ts"

/** How long is kept what no bottle needs to work. */
export interface Retention {
  /** Outputs of runs that have ended, since they were last written to. */
  readonly output: Duration.DurationInput
  /** Statements and operation logs of destroyed bottles, since the newest statement. */
  readonly provenance: Duration.DurationInput
}

/** What is kept unless the configuration says otherwise. */
export const DEFAULT_RETENTION: Retention = { output: "30 days", provenance: "365 days" }

/** What is older than its retention, each with how to remove it. */
export const expiredGarbage = Effect.fn("expiredGarbage")(function* (retention: Retention) {
  const now = yield* Clock.currentTimeMillis
  const before = (kept: Duration.DurationInput) => now - Duration.toMillis(kept)
  const item = (kind: Garbage["kind"], slug: Slug, reason: string): Garbage => ({
    kind,
    slug,
    backend: "",
    reason,
  })
  const store = yield* BottleStore
  const statements = yield* ProvenanceStore
  const logs = yield* OperationLogs
  const directories = yield* RunDirectories
  const rows = new Map((yield* store.all).map((row) => [row.slug, row]))

  const outputs = (yield* directories.outputs).filter(({ slug, run, since }) => {
    const row = rows.get(slug)
    const isOver = row === undefined || run < row.run || hasEnded(row)
    return isOver && since < before(retention.output)
  })
  const forgotten = (yield* statements.olderThan(before(retention.provenance))).filter(
    (slug) => !rows.has(slug),
  )
  return [
    ...outputs.map(({ slug, run }) => ({
      item: item("output", slug, `the output of run ${run} is older than retention.output`),
      remove: Effect.as(directories.removeOutput(slug, run), true),
    })),
    ...forgotten.map((slug) => ({
      item: item("provenance", slug, "its provenance is older than retention.provenance"),
      remove: Effect.gen(function* () {
        if (Option.isSome(yield* store.get(slug))) return false
        // The log first: statements without a log are found again.
        yield* logs.forget(slug)
        yield* statements.forget(slug)
        return true
      }),
    })),
  ]
})

/** Removes what is older than its retention. Failures are logged. */
export const applyRetention = Effect.fn("applyRetention")(
  function* (retention: Retention) {
    yield* Effect.forEach(yield* expiredGarbage(retention), ({ remove }) => remove, { discard: true })
  },
  Effect.catchAll(({ message }) => Effect.logWarning(`expired data could not be removed: ${message}`)),
)
