/** The input of `decide`: the forge, the bottle, the newest operation and the remaining capacity, as plain data. */
import type { RequestKind } from "../AgentRequest.ts"
import type { BottleDone, BottleState } from "../Bottle.ts"
import type { Issue } from "../Forge.ts"
import type { Operation } from "./Operation.ts"
import type { IssueState } from "./IssueState.ts"
import type { LifeSettings } from "./LifeSettings.ts"

/** Milliseconds since the epoch. */
export type Millis = number

/** Somebody who did or said something. */
export interface Actor {
  readonly login: string
  /** Member of the trusted organisation, or allowed to write; false when it cannot be decided. */
  readonly trusted: boolean
  /** The orchestrator's own account, or another bot account. */
  readonly bot: boolean
}

/** A comment of a review on one place of the diff. */
export interface LineRemark {
  readonly path: string
  readonly line: number
  readonly hunk: string
  readonly body: string
}

/** A comment, or a review with its comments on lines. Times are by the forge's clock. */
export interface Remark {
  readonly kind: "comment" | "review"
  readonly id: number
  /** The issue or pull request it is on. */
  readonly on: number
  readonly author: Actor
  readonly createdAt: Millis
  /** Later than `createdAt` when it was edited. */
  readonly updatedAt: Millis
  readonly body: string
  /** Only of a review. */
  readonly verdict?: "approved" | "rejected" | "comment"
  /** A review that was dismissed. */
  readonly dismissed?: boolean
  readonly lines: ReadonlyArray<LineRemark>
}

/** A check of a commit. */
export interface Check {
  readonly name: string
  readonly description: string
  readonly link: string
  /** The part of its log that could be read; `""` when none could. */
  readonly log: string
}

/** A pull request, whoever opened it. `decide` picks those of the run by `ObservedBottle.prs`. */
export interface ObservedPr {
  readonly number: number
  readonly state: "open" | "closed"
  readonly merged: boolean
  /** Work in progress: the forge does not merge it. */
  readonly draft: boolean
  /** When it was merged or closed, by the forge's clock. */
  readonly overAt?: Millis
  /** Head and base commits. */
  readonly head: string
  readonly base: string
  /** Whether the run pushed that head. */
  readonly headOfRun: boolean
  /** As the forge reports it. Also false while the forge computes it. */
  readonly mergeable: boolean
  /** Combined state of all checks of the head. `error` is a failure of the infrastructure. */
  readonly checks: "none" | "pending" | "success" | "failure" | "error"
  readonly failedChecks: ReadonlyArray<Check>
}

/** How the issue was targeted, from its timeline. */
export interface Targeting {
  /** ID of the newest entry that labelled, assigned or reopened the issue and so made it targeted. IDs only increase. */
  readonly id: number
  /** When that was, by the forge's clock. */
  readonly at: Millis
  /** Who set each of its agent and bottle labels, who assigned the bot, and who reopened it afterwards. */
  readonly actors: ReadonlyArray<Actor>
}

/** What the forge says about one issue. */
export interface ObservedForge {
  /** When this was read, by the forge's clock. */
  readonly at: Millis
  /** Absent when the forge says that there is no such issue. When the forge does not respond there is no observation at all. */
  readonly issue?: Issue
  /** Who closed it, if that can be read. */
  readonly closedBy?: Actor
  /** Present when the issue is itself a pull request. `fork`: its head is in another repository. */
  readonly pull?: { readonly fork: boolean }
  /** Whether an assignee is a member of the bots' organisation. */
  readonly botAssigned: "yes" | "no" | "undecidable"
  /** Absent when the timeline could not be read. */
  readonly targeting?: Targeting
  /** Whether issues that this one depends on are open. */
  readonly dependencies: "none" | "open" | "undecidable"
  /** Digest of title and body. */
  readonly digest: string
  /** Who edited title or body since it was targeted, from webhooks. */
  readonly editors: ReadonlyArray<string>
  readonly prs: ReadonlyArray<ObservedPr>
  /** On the issue and on `prs`, in any order. */
  readonly remarks: ReadonlyArray<Remark>
}

/** The bottle that handles the issue. Times are by this machine's clock. */
export interface ObservedBottle {
  readonly slug: string
  readonly agent: string
  readonly state: BottleState
  /** Number of the newest run. */
  readonly run: number
  readonly startedAt: Millis
  /** When the newest run last showed a sign of life. */
  readonly checkinAt?: Millis
  /** What the newest run reported. */
  readonly done?: { readonly status: BottleDone["status"]; readonly at: Millis }
  /**
   * What ended the newest run. `until`: for `provider`, when its route may be used again, if the provider said so; for `unclear`, when
   * it will be known whether the engine is shutting down.
   */
  readonly ended?: { readonly by: "agent" | "machine" | "provider" | "unclear"; readonly until?: Millis }
  readonly frozenAt?: Millis
  /** Pull requests that its runs opened, as their sidecars recorded them. */
  readonly prs: ReadonlyArray<number>
  /** Open requests of its agents; none unless given. */
  readonly asks?: ReadonlyArray<{ readonly id: string; readonly kind: RequestKind }>
  /** How many decisions none of its runs has read or used; none unless given. */
  readonly decided?: number
  /** `dead`: its watcher is relaunching it. `failed`: it was relaunched, and is dead again. */
  readonly sidecar: "alive" | "dead" | "failed"
}

/** The newest operation of the issue. */
export interface ObservedOperation {
  readonly generation: number
  readonly step: number
  readonly input: Operation
  readonly state: "open" | "done" | "failed"
  /** Why it failed. */
  readonly problem?: string
  /** When it ended. */
  readonly endedAt?: Millis
}

/** A limited resource: running bottles, runs, seconds, tokens, money. */
export interface Bound {
  /** Whose resource it is, in words: `this machine`, `acme/cellar`, `this issue`. */
  readonly of: string
  readonly what: "running" | "runs" | "seconds" | "tokens" | "cost"
  readonly used: number
  readonly limit: number
  /** When `used` starts again at 0: the next day, for a daily budget. */
  readonly until?: Millis
}

/** What a start requires besides a reason. */
export interface Capacity {
  readonly bounds: ReadonlyArray<Bound>
  /** Whether the cost of the run, and of those that count against a budget of money, is known. */
  readonly costKnown: boolean
  /** When the agent's model route may be used again after the provider refused a call. */
  readonly routeUntil?: Millis
  /** Whether no other waiting issue comes first (`fairOrder`). */
  readonly turn: boolean
}

/** The whole input of `decide`. */
export interface Input {
  /** This machine's clock. */
  readonly now: Millis
  /** Since when this machine's clock has run without a gap: the start of the process, or its newest suspend or clock jump. */
  readonly steadySince: Millis
  readonly number: number
  readonly forge: ObservedForge
  readonly state: IssueState
  readonly bottle?: ObservedBottle
  readonly operation?: ObservedOperation
  readonly capacity: Capacity
  readonly settings: LifeSettings
}
