/** Limits of what a run may use: which call still fits. */
import type { UseLimit } from "./MeterLine.ts"

/** Limits of a run; absent: none. */
export interface UseLimits {
  readonly tokens?: number | undefined
  /** In millionths of a US dollar. */
  readonly cost?: number | undefined
  readonly calls?: number | undefined
}

/** An amount of each kind. */
export type Amounts = Readonly<Record<UseLimit, number>>

/** No amount. */
export const NO_AMOUNTS: Amounts = { tokens: 0, cost: 0, calls: 0 }

/** What a call may use. */
export interface Reservation {
  /** Its estimated input and its largest possible output. */
  readonly expected: Amounts
  /** More than it can use: a token has at least one byte. Infinite for a request that names input which is not in it. */
  readonly most: Amounts
}

/** Whether a call fits. `busy`: it fits once calls in flight have ended. */
export type Fit =
  | { readonly fit: "yes" }
  | { readonly fit: "busy" }
  | { readonly fit: "no"; readonly limit: UseLimit }

const KINDS = ["calls", "tokens", "cost"] as const

/**
 * Whether a call fits beside what is used and the calls in flight. Those count with the most that they can use, and only the call itself
 * with what is expected of it: so all of them together pass a limit by no more than the error in one expectation.
 */
export const fitOf = (
  limits: UseLimits,
  used: Amounts,
  inFlight: Iterable<Reservation>,
  { expected }: Reservation,
): Fit => {
  const others = [...inFlight]
  const over = KINDS.find((kind) => used[kind] + expected[kind] > (limits[kind] ?? Number.POSITIVE_INFINITY))
  if (over !== undefined) return { fit: "no", limit: over }
  const isBusy = KINDS.some((kind) => {
    const limit = limits[kind]
    if (limit === undefined) return false
    const held = others.reduce((sum, { most }) => sum + most[kind], 0)
    return used[kind] + held + expected[kind] > limit
  })
  return { fit: isBusy ? "busy" : "yes" }
}

/** The limit that is used up, so that no call can fit any more. */
export const usedUp = (limits: UseLimits, used: Amounts): UseLimit | undefined =>
  KINDS.find((kind) => used[kind] >= (limits[kind] ?? Number.POSITIVE_INFINITY))

/** The share of a limit from which the agent gets a note. */
export const NOTICE_FROM = 0.8

/** The note for the agent when a limit is nearly used up; undefined before that. */
export const noticeOf = (limits: UseLimits, used: Amounts): string | undefined => {
  const near = KINDS.flatMap((kind) => {
    const share = used[kind] / (limits[kind] ?? Number.POSITIVE_INFINITY)
    return share >= NOTICE_FROM ? [`${Math.min(100, Math.floor(share * 100))} % of its ${kind}`] : []
  })
  return near.length === 0
    ? undefined
    : `Note from bot-bottle: this run has used ${near.join(" and ")}. At 100 % calls to the model are refused and the run ends: finish, push your work and signal done.`
}
