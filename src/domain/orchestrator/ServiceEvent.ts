/** ServiceEvent is something that a running service reports. */
import { Data } from "effect"
import type { WaitKind } from "./Decision.ts"
import type { IssueKey } from "./IssueKey.ts"
import type { Operation } from "./Operation.ts"

/** Something that a running service reports. Times are in milliseconds. */
export type ServiceEvent = Data.TaggedEnum<{
  /** It is serving. `HOST:PORT` of its webhooks; null when it does not listen for any. */
  Serving: { readonly listening: string | null; readonly paused: boolean }
  /** An operation on the bottle of an issue was decided. */
  Began: { readonly issue: IssueKey; readonly operation: Operation["_tag"]; readonly reason: string }
  /** An operation was carried out or, with a problem, failed. `slug` and `run` are set when it started a run. */
  Ended: {
    readonly issue: IssueKey
    readonly operation: Operation["_tag"]
    readonly slug?: string
    readonly run?: number
    readonly problem?: string
  }
  /** An issue now waits for something else than before. */
  Waits: {
    readonly issue: IssueKey
    readonly kind: WaitKind
    readonly reason: string
    readonly until?: number
  }
  /** Launches are paused, or resumed. */
  Paused: { readonly paused: boolean }
  /** The forge could not be asked for changes, or can be again. */
  Sweep: { readonly problem: string | null }
}>

/** Constructors of events. */
export const ServiceEvent = Data.taggedEnum<ServiceEvent>()
