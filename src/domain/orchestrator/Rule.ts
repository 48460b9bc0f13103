/** A life-cycle rule: a name, and a function of the facts. Rules are values in lists, so that a test can leave one out. */
import type { Wait, WaitKind } from "./Decision.ts"
import type { Facts } from "./Facts.ts"
import type { Launch, Operation, Resume } from "./Operation.ts"

/** Nothing to do now, but look again later. At the end of the pipeline the earliest `until` counts. */
export interface Later {
  readonly _tag: "Later"
  readonly kind: WaitKind
  readonly reason: string
  readonly until: number
}

/** A rule; undefined means that it does not apply. */
export interface Rule<A> {
  readonly name: string
  readonly says: (facts: Facts) => A | undefined
}

/** Returns an operation on a bottle, or a wait that overrides later rules (`Wait`), or when to look again (`Later`). */
export type LifeRule = Rule<Operation | Wait | Later>

/** A candidate start. */
export type Start = Launch | Resume

/** Returns a reason to start. */
export type StartRule = Rule<Start | Later>

/** Returns why a candidate start has to wait. */
export interface GateRule {
  readonly name: string
  readonly says: (facts: Facts, start: Start) => Wait | undefined
}

/** Returns why an operation has to wait although its rule wants it now. */
export interface PaceRule {
  readonly name: string
  readonly says: (facts: Facts, operation: Operation) => Wait | undefined
}

/** A wait that ends the pipeline. */
export const wait = (kind: WaitKind, reason: string, until?: number): Wait => ({
  _tag: "Wait",
  kind,
  reason,
  ...(until !== undefined && { until }),
})

/** A note to look again later. */
export const later = (kind: WaitKind, reason: string, until: number): Later => ({
  _tag: "Later",
  kind,
  reason,
  until,
})
