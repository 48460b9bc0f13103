/** limitsInForce: the limits of a bottle's newest run, as its manifest has them and with what a person added in that run. */
import { Duration, Effect, Option } from "effect"
import { type BottleRequest, budgetOf, opensIn } from "../domain/AgentRequest.ts"
import type { BottleMetadata } from "../domain/Bottle.ts"
import { durationOf } from "../domain/durationOf.ts"
import { Requests } from "../services/Requests.ts"

/** Limits; absent: none. */
export interface LimitsInForce {
  /** Effect durations. */
  readonly timeout?: string
  readonly idleTimeout?: string
  readonly tokens?: number
  /** In US dollars. */
  readonly cost?: number
  readonly calls?: number
}

/** What approvals that a run has read or used add to its limits; nothing when they cannot be read. */
export const addedTo = Effect.fn("addedTo")(function* ({ slug, run }: Pick<BottleMetadata, "slug" | "run">) {
  const all = yield* Effect.orElseSucceed((yield* Requests).all(slug), (): ReadonlyArray<BottleRequest> => [])
  const inForce = all.filter((request) => request.taken !== undefined && opensIn(request, run))
  return budgetOf(inForce.map(({ detail }) => detail))
})

/** The limits of the newest run. */
export const limitsInForce = Effect.fn("limitsInForce")(function* (
  bottle: Pick<BottleMetadata, "slug" | "run" | "timeout" | "idleTimeout" | "useLimits">,
) {
  const added = yield* addedTo(bottle)
  const { tokens, cost, calls } = bottle.useLimits
  const limits: LimitsInForce = {
    ...Option.match(bottle.timeout, {
      onNone: () => ({}),
      onSome: (timeout) => ({ timeout: longer(timeout, added.minutes) }),
    }),
    ...Option.match(bottle.idleTimeout, { onNone: () => ({}), onSome: (idleTimeout) => ({ idleTimeout }) }),
    ...(tokens !== undefined && { tokens: tokens + added.tokens }),
    ...(cost !== undefined && { cost: exact(cost + added.cost) }),
    ...(calls !== undefined && { calls }),
  }
  return limits
})

/** A duration with so many minutes more. */
const longer = (text: string, minutes: number): string => {
  const length = durationOf(text)
  if (minutes === 0 || Option.isNone(length)) return text
  const seconds = Duration.toSeconds(length.value) + minutes * 60
  return seconds % 60 === 0 ? `${seconds / 60} minutes` : `${seconds} seconds`
}

/** Money is counted in millionths. */
const exact = (dollars: number): number => Math.round(dollars * 1_000_000) / 1_000_000
