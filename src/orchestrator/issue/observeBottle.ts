/** observeBottle: the bottle that handles an issue, from its stores and its backend. */
import { Effect, Option } from "effect"
import { isNews, stateOfRequest } from "../../domain/AgentRequest.ts"
import type { BottleMetadata } from "../../domain/Bottle.ts"
import { instantOf } from "../../domain/Instant.ts"
import type { IssueKey } from "../../domain/orchestrator/IssueKey.ts"
import type { ObservedBottle } from "../../domain/orchestrator/Observed.ts"
import { bottleState } from "../../programs/bottleState.ts"
import { settleEvents } from "../../programs/settleEvents.ts"
import { type Backend, type BackendEnding, Backends } from "../../services/Backends.ts"
import { BottleEvents } from "../../services/BottleEvents.ts"
import { BottleStore } from "../../services/BottleStore.ts"
import type { Slug } from "../../domain/Slug.ts"
import { ForgeStateStore } from "../../services/ForgeStateStore.ts"
import { Requests } from "../../services/Requests.ts"

/** The row of the bottle that handles an issue; none when there is none, or it was destroyed. */
export const bottleOf = Effect.fn("bottleOf")(function* (issue: IssueKey) {
  const row = yield* (yield* ForgeStateStore).get(issue)
  if (Option.isNone(row) || row.value.status === "destroyed") return Option.none()
  const bottle = yield* (yield* BottleStore).get(row.value.slug)
  return Option.map(bottle, (metadata) => ({ row: row.value, metadata }))
})

/**
 * The bottle of an issue, after the events in its queue are applied. Its state is read first: an agent that has ended by then has its
 * `signal_done` in the queue, if it made one. Fails when its backend cannot be reached.
 */
export const observeBottle = Effect.fn("observeBottle")(function* (issue: IssueKey) {
  const known = yield* bottleOf(issue)
  if (Option.isNone(known)) return Option.none<ObservedBottle>()
  const backend = yield* (yield* Backends).get(known.value.metadata.spec.backend)
  const state = yield* bottleState(backend, known.value.metadata)
  yield* settleEvents(known.value.metadata.slug)
  const found = yield* bottleOf(issue)
  if (Option.isNone(found)) return Option.none<ObservedBottle>()
  const { row, metadata } = found.value
  const { slug, run, spec } = metadata
  const checkinAt = timeOf(yield* (yield* BottleEvents).lastCheckin(slug))
  const frozenAt = timeOf(metadata.frozenAt)
  const ended = state === "exited" ? yield* endOf(backend, metadata) : undefined
  return Option.some<ObservedBottle>({
    slug,
    agent: spec.agent,
    state,
    run,
    startedAt: timeOf(metadata.startedAt) ?? instantOf(metadata.createdAt),
    ...(checkinAt !== undefined && { checkinAt }),
    ...(Option.isSome(metadata.done) && {
      done: { status: metadata.done.value.status, at: instantOf(metadata.done.value.at) },
    }),
    ...(ended !== undefined && { ended }),
    ...(frozenAt !== undefined && { frozenAt }),
    prs: Option.toArray(row.prNumber),
    ...(yield* requestsOf(slug)),
    sidecar: metadata.trouble.sidecar === "failed" ? "failed" : "alive",
  })
})

const requestsOf = Effect.fnUntraced(function* (slug: Slug) {
  const all = yield* (yield* Requests).all(slug)
  return {
    asks: all
      .filter((request) => stateOfRequest(request) === "open")
      .map((request) => ({ id: request.id, kind: request.detail.kind })),
    decided: all.filter(isNews).length,
  }
})

/** A run that bot-bottle stopped has no other cause. */
const endOf = Effect.fnUntraced(function* (backend: Backend, { slug, trouble }: BottleMetadata) {
  if (trouble.stopped !== undefined) return { by: "agent" as const }
  const { by, clearAt } = backend.ending === undefined ? AGENT : yield* backend.ending(slug)
  if (by !== "agent") return { by, ...(clearAt !== undefined && { until: clearAt }) }
  const { refused } = trouble
  if (refused === undefined) return { by }
  return { by: "provider" as const, ...(refused.until !== undefined && { until: instantOf(refused.until) }) }
})

const AGENT: BackendEnding = { by: "agent" }

const timeOf = (at: Option.Option<string>): number | undefined =>
  Option.getOrUndefined(Option.map(at, instantOf))
