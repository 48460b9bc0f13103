/** ServiceEvent is something that a service reports while it works. */
import { Data } from "effect"
import type { WaitKind } from "./Decision.ts"
import type { IssueKey } from "./IssueKey.ts"
import type { Operation } from "./Operation.ts"

/** Something that a service reports while it works; times in milliseconds. */
export type ServiceEvent = Data.TaggedEnum<{
  /** It serves: `HOST:PORT` of its webhooks, null when it listens for none. */
  Serving: { readonly listening: string | null; readonly paused: boolean }
  /** An operation on the bottle of an issue was decided. */
  Began: { readonly issue: IssueKey; readonly operation: Operation["_tag"]; readonly reason: string }
  /** It is carried out; with a problem, it failed. `slug` and `run` where it started a run. */
  Ended: {
    readonly issue: IssueKey
    readonly operation: Operation["_tag"]
    readonly slug?: string
    readonly run?: number
    readonly problem?: string
  }
  /** An issue waits for something else than before. */
  Waits: {
    readonly issue: IssueKey
    readonly kind: WaitKind
    readonly reason: string
    readonly until?: number
  }
  /** Nothing starts any more, or again. */
  Paused: { readonly paused: boolean }
  /** The forge could not be asked what changed, or could again. */
  Sweep: { readonly problem: string | null }
}>

/** Makes events. */
export const ServiceEvent = Data.taggedEnum<ServiceEvent>()
