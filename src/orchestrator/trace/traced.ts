/** traced: spans of what is heard about an issue, of operations, and of runs and their calls. */
import { Clock, Effect, Option, type Tracer } from "effect"
import type { BottleMetadata } from "../../domain/Bottle.ts"
import { instantOf } from "../../domain/Instant.ts"
import type { InboxRow } from "../../domain/orchestrator/InboxHint.ts"
import type { IssueKey } from "../../domain/orchestrator/IssueKey.ts"
import type { StoredOperation } from "../../domain/orchestrator/StoredOperation.ts"
import { bottleOf } from "../issue/observeBottle.ts"
import { readTrace, type LoggedTrace } from "./readTrace.ts"
import { pastSpan, spanOf, traceparentOf, type TracingParts, whenTracing } from "./Tracing.ts"

const startsRun = ({ input }: StoredOperation): boolean => input._tag === "Launch" || input._tag === "Resume"

const about = ({ owner, repo, issueNumber }: IssueKey) => ({
  repository: `${owner}/${repo}`,
  issue: issueNumber,
})

/** Begins the trace of a run when its operation was decided: from the oldest hint that led to it, until now. */
export const tracedDecision = (
  operation: StoredOperation,
  hints: ReadonlyArray<Pick<InboxRow, "id" | "kind" | "receivedAt">>,
) =>
  whenTracing((parts) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      if (!startsRun(operation)) return
      const first = hints.toSorted((a, b) => a.receivedAt - b.receivedAt)[0]
      parts.roots.set(
        operation.id,
        pastSpan(parts, {
          name: nameOf(first),
          parent: Option.none(),
          from: first?.receivedAt ?? now,
          to: now,
          attributes: about(operation),
        }),
      )
    }),
  )

const nameOf = (first: Pick<InboxRow, "id" | "kind"> | undefined): string =>
  first === undefined ? "timer" : first.id.startsWith("delivery:") ? "webhook" : first.kind

/** The `traceparent` of the run that an operation starts; undefined without tracing. */
export const traceparentFor = ({ id }: StoredOperation) =>
  Effect.map(
    whenTracing(({ roots }) => Effect.sync(() => roots.get(id))),
    (root) =>
      Option.getOrUndefined(
        Option.map(
          Option.flatMapNullable(root, (it) => it),
          traceparentOf,
        ),
      ),
  )

/**
 * An operation as a span of its run's trace. When it ends a run, the spans of the run and of its calls are made too: from the operation
 * log, so whatever happened to the service meanwhile.
 */
export const traced = <A, E, R>(operation: StoredOperation, effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(
    whenTracing((parts) => tracedBy(parts, operation, effect)),
    Option.match({ onNone: () => effect, onSome: Effect.succeed }),
  )

const tracedBy = Effect.fnUntraced(function* <A, E, R>(
  parts: TracingParts,
  operation: StoredOperation,
  effect: Effect.Effect<A, E, R>,
) {
  const before = Option.map(yield* known(bottleOf(operation)), ({ metadata }) => metadata)
  // A service that starts with an open operation has not heard what led to it.
  if (startsRun(operation) && !parts.roots.has(operation.id)) yield* tracedDecision(operation, [])
  const logged = yield* Effect.transposeMapOption(before, ({ slug }) => readTrace(slug))
  const from = yield* Clock.currentTimeMillis
  return yield* effect.pipe(
    Effect.withSpan(`bottle.${operation.input._tag.toLowerCase()}`, {
      ...Option.match(
        Option.orElse(Option.fromNullable(parts.roots.get(operation.id)), () => parentIn(logged)),
        {
          onNone: () => ({ root: true }),
          onSome: (span) => ({ parent: span }),
        },
      ),
      attributes: Object.fromEntries(
        Object.entries(about(operation)).map(([key, value]) => [`bot_bottle.${key}`, value]),
      ),
    }),
    Effect.withTracer(parts.tracer),
    Effect.ensuring(Effect.sync(() => parts.roots.delete(operation.id))),
    Effect.zipLeft(
      Option.isSome(before) && isUnfrozen(before.value)
        ? runSpans(parts, before.value, logged, from)
        : Effect.void,
    ),
  )
})

const parentIn = (logged: Option.Option<LoggedTrace>): Option.Option<Tracer.AnySpan> =>
  Option.flatMap(logged, ({ traceparent }) => spanOf(traceparent))

/** Whether the newest run has no artifact yet: the operation that makes one, or removes the bottle, ends it. */
const isUnfrozen = ({ startedAt, frozenAt }: BottleMetadata): boolean =>
  Option.isSome(startedAt) &&
  !Option.exists(frozenAt, (frozen) => instantOf(frozen) >= instantOf(startedAt.value))

/** The run that an operation ended, with its calls. */
const runSpans = Effect.fnUntraced(function* (
  parts: TracingParts,
  before: BottleMetadata,
  logged: Option.Option<LoggedTrace>,
  at: number,
) {
  // Once more, for what the agent called until it was stopped; of a bottle that was resumed meanwhile, the run before.
  const again = yield* readTrace(before.slug)
  const isSame = Option.exists(logged, ({ traceparent }) => traceparent === again.traceparent)
  const { traceparent, calls } = isSame ? again : Option.getOrElse(logged, () => again)
  const parent = spanOf(traceparent)
  if (Option.isNone(parent)) return
  const run = pastSpan(parts, {
    name: "run",
    parent,
    from: Option.match(before.startedAt, { onNone: () => at, onSome: instantOf }),
    to: Option.match(before.exit, { onNone: () => at, onSome: (exit) => instantOf(exit.at) }),
    attributes: { slug: before.slug, run: before.run },
  })
  for (const { op, from, to, outcome } of calls)
    pastSpan(parts, {
      name: op,
      parent: Option.some(run),
      kind: "server",
      from,
      to,
      ...(outcome !== "ok" && { problem: outcome }),
      attributes: { outcome },
    })
})

const known = <A, E, R>(effect: Effect.Effect<Option.Option<A>, E, R>) =>
  Effect.orElseSucceed(effect, () => Option.none<A>())
