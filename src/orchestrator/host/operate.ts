/** operate: carries out one operation on the bottle of an issue, on the machine with the engine. */
import { Cause, Clock, Effect, Option } from "effect"
import { BottleMetadata, withTrouble } from "../../domain/Bottle.ts"
import { BackendFailure } from "../../domain/Errors.ts"
import { instantOf } from "../../domain/Instant.ts"
import { zoneOf } from "../../domain/orchestrator/Budgets.ts"
import { RunNumber } from "../../domain/orchestrator/IssueKey.ts"
import type { OperationEnd, StoredOperation } from "../../domain/orchestrator/StoredOperation.ts"
import { dayOf } from "../../domain/orchestrator/Usage.ts"
import { destroy } from "../../programs/destroy.ts"
import { freeze } from "../../programs/freeze.ts"
import { exitOf } from "../../programs/bottleState.ts"
import { stop } from "../../programs/stop.ts"
import type { Slug } from "../../domain/Slug.ts"
import { NO_USE, type RunMeter, totalOf } from "../../domain/usage/RunMeter.ts"
import { BottleEvents } from "../../services/BottleEvents.ts"
import { type BackendBottle, Backends } from "../../services/Backends.ts"
import { BottleStore } from "../../services/BottleStore.ts"
import { ForgeStateStore } from "../../services/ForgeStateStore.ts"
import { Operations } from "../../services/Operations.ts"
import { ServedRepositories, type ServedRepository, findServed } from "../ServedRepositories.ts"
import { bottleOf } from "../issue/observeBottle.ts"
import { ensureLaunched } from "./ensureLaunched.ts"
import { ensureResumed } from "./ensureResumed.ts"

/**
 * Carries out an open operation and records its result, failures included. Each may be repeated after a crash: completed steps are not
 * repeated. Fails only when the result cannot be recorded; the operation then stays open and is repeated.
 */
export const operate = Effect.fn("operate")(function* (operation: StoredOperation, served: ServedRepository) {
  const before = yield* bottleBefore(operation)
  const end: Pick<OperationEnd, "problem" | "usage"> = yield* perform(operation, served).pipe(
    Effect.zipRight(usageOf(operation, before)),
    Effect.catchAllCause((cause) =>
      Cause.isInterruptedOnly(cause)
        ? Effect.failCause(cause)
        : Effect.as(Effect.logWarning(`${operation.id} failed`, cause), { problem: problemOf(cause) }),
    ),
  )
  const at = yield* Clock.currentTimeMillis
  return yield* (yield* Operations).finish(operation.id, { ...end, at })
})

/** The row before the operation, with the end of its run as far as the backend knows it. */
const bottleBefore = Effect.fnUntraced(function* (operation: StoredOperation) {
  const known = Option.map(yield* bottleOf(operation), ({ metadata }) => metadata)
  // A destroy removes the file of its meter.
  const bottle = Option.isNone(known) ? known : Option.some(yield* withUse(known.value))
  if (operation.input._tag !== "Resume" || Option.isNone(bottle)) return bottle
  const { slug, spec, exit } = bottle.value
  if (Option.isSome(exit)) return bottle
  const found = yield* Effect.flatMap(Backends, ({ get }) => get(spec.backend)).pipe(
    Effect.flatMap(({ inspect }) => inspect(slug)),
    Effect.orElseSucceed(() => Option.none<BackendBottle>()),
  )
  return Option.match(found, {
    onNone: () => bottle,
    onSome: ({ exitCode = 0, finishedAt }) =>
      finishedAt === undefined
        ? bottle
        : Option.some(
            new BottleMetadata({
              ...bottle.value,
              exit: Option.some(exitOf(exitCode, new Date(finishedAt).toISOString())),
            }),
          ),
  })
})

const perform = Effect.fnUntraced(function* (operation: StoredOperation, served: ServedRepository) {
  const { input } = operation
  // Only what starts a run needs to know all bots: the rest must work while the forge does not respond.
  const withBots = Effect.map(
    findServed(operation),
    Option.getOrElse(() => served),
  )
  if (input._tag === "Launch") return yield* ensureLaunched(operation, input, yield* withBots)
  if (input._tag === "Destroy") return yield* ensureDestroyed(operation)
  const bottle = yield* bottleOf(operation)
  if (Option.isNone(bottle)) return yield* gone(operation)
  const { slug } = bottle.value.row
  switch (input._tag) {
    case "Resume":
      return yield* ensureResumed(operation, input, yield* withBots, bottle.value.metadata)
    case "Stop":
      return yield* stop(slug)
    case "Freeze":
      // Before the freeze, which states what happened to the run.
      if (input.cause === "watchdog")
        yield* (yield* BottleStore).modify(slug, (row) => withTrouble(row, { watchdog: true }))
      return yield* freeze(slug)
  }
})

/** The row is set to destroyed before the bottle's own row is removed, because both are read. */
const ensureDestroyed = Effect.fnUntraced(function* (operation: StoredOperation) {
  const row = yield* (yield* ForgeStateStore).get(operation)
  if (Option.isNone(row)) return
  const { slug } = row.value
  if (Option.isSome(yield* (yield* BottleStore).get(slug))) yield* destroy(slug)
})

const gone = ({ input, id }: StoredOperation) =>
  new BackendFailure({
    backend: "",
    operation: input._tag.toLowerCase(),
    target: id,
    reason: "its bottle is gone",
  })

/**
 * The usage of the run that an operation ends: a freeze, a destroy, or a resume of what the machine stopped. A bottle that was already frozen was counted then: each run counts once.
 */
const usageOf = Effect.fnUntraced(function* (
  operation: StoredOperation,
  before: Option.Option<BottleMetadata>,
) {
  const { _tag } = operation.input
  if (_tag === "Launch" || _tag === "Stop" || Option.isNone(before)) return {}
  const after = yield* bottleOf(operation)
  const { slug, run, startedAt, exit } = before.value
  if (_tag === "Resume") {
    const begun = Option.match(after, { onNone: () => run, onSome: ({ metadata }) => metadata.run })
    // A repeated operation finds the run that it began itself. Of the run before, only its existence is known.
    if (begun === run) {
      if (begun === 1) return {}
      const earlier = yield* useOfRun(slug, begun - 1)
      return { usage: yield* useOf(begun - 1, Option.none(), Option.none(), earlier) }
    }
  }
  if (Option.isNone(startedAt) || run < 1) return {}
  const frozen = Option.map(after, ({ metadata }) => metadata)
  const known =
    _tag === "Resume"
      ? exit
      : Option.flatMap(
          Option.orElse(frozen, () => before),
          (it) => it.exit,
        )
  // Calls that were in flight have ended by now.
  const used = Option.orElse(
    _tag === "Destroy" ? Option.none() : yield* useOfRun(slug, run),
    () => before.value.use,
  )
  return { usage: yield* useOf(run, startedAt, known, used) }
})

const useOf = Effect.fnUntraced(function* (
  run: number,
  startedAt: Option.Option<string>,
  exit: BottleMetadata["exit"],
  used: BottleMetadata["use"],
) {
  const { timeZone = "UTC" } = yield* ServedRepositories
  const now = yield* Clock.currentTimeMillis
  const endedAt = Option.match(exit, { onNone: () => now, onSome: ({ at }) => instantOf(at) })
  const from = Option.match(startedAt, { onNone: () => endedAt, onSome: instantOf })
  const seconds = Math.max(0, Math.round((endedAt - from) / 1000))
  const { tokens, cost, unpriced } = totalOf(Option.getOrElse(used, () => NO_USE))
  return {
    run: RunNumber.make(run),
    day: dayOf(endedAt, zoneOf(timeZone)),
    seconds,
    tokens,
    // A run whose sidecar counted nothing is not known to have cost nothing.
    cost: Option.isNone(used) || unpriced > 0 ? null : cost,
  }
})

const useOfRun = Effect.fnUntraced(function* (slug: Slug, run: number) {
  const counted = (yield* BottleEvents).use(slug, run, false)
  return yield* Effect.catchAll(counted, (error) =>
    Effect.as(Effect.logWarning(error.message), Option.none<RunMeter>()),
  )
})

const withUse = Effect.fnUntraced(function* (bottle: BottleMetadata) {
  if (Option.isSome(bottle.use)) return bottle
  return new BottleMetadata({ ...bottle, use: yield* useOfRun(bottle.slug, bottle.run) })
})

const problemOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  return error instanceof Error ? error.message : String(error)
}
