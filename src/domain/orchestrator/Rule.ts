/** A rule of life: a name, and what it says of the facts. Rules are values in lists, so that a test can leave one out. */
import type { Wait, WaitKind } from "./Decision.ts"
import type { Facts } from "./Facts.ts"
import type { Launch, Operation, Resume } from "./Operation.ts"

/** Nothing to do for now, but look again: at the end of the pipeline the earliest `until` counts. */
export interface Later {
  readonly _tag: "Later"
  readonly kind: WaitKind
  readonly reason: string
  readonly until: number
}

/** A rule; undefined means that it has nothing to say. */
export interface Rule<A> {
  readonly name: string
  readonly says: (facts: Facts) => A | undefined
}

/** Says what to do with a bottle, or to wait whatever later rules say (`Wait`), or to look again (`Later`). */
export type LifeRule = Rule<Operation | Wait | Later>

/** What one wants to start. */
export type Start = Launch | Resume

/** Names a reason to start. */
export type StartRule = Rule<Start | Later>

/** Says why what one wants to start has to wait. */
export interface GateRule {
  readonly name: string
  readonly says: (facts: Facts, start: Start) => Wait | undefined
}

/** Says why an operation has to wait although its rule wants it now. */
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

/** A note to look again. */
export const later = (kind: WaitKind, reason: string, until: number): Later => ({
  _tag: "Later",
  kind,
  reason,
  until,
})
