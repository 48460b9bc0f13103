/** What a world of the tests is made of, and how `decide` sees it. */
import type { Issue } from "../../../src/domain/Forge.ts"
import type { IssueState } from "../../../src/domain/orchestrator/IssueState.ts"
import type { LifeSettings } from "../../../src/domain/orchestrator/LifeSettings.ts"
import type {
  Actor,
  Input,
  ObservedBottle,
  ObservedOperation,
  ObservedPr,
  Remark,
} from "../../../src/domain/orchestrator/Observed.ts"
import type { Operation } from "../../../src/domain/orchestrator/Operation.ts"

/** A maintainer, a stranger, and a bot that may write. */
export type Who = "ada" | "mallory" | "bot"

/** What was done to the bottle, with what the world was like when it was decided. */
export interface Deed {
  readonly at: number
  readonly operation: Operation
  readonly ok: boolean
  readonly before: Snapshot
}

/** The world at one time, copied. */
export interface Snapshot {
  readonly now: number
  readonly forgeNow: number
  readonly steadySince: number
  readonly forge: ForgeSide
  readonly bottle: ObservedBottle | undefined
  readonly machine: Machine
}

/** The forge as it really is. */
export interface ForgeSide {
  exists: boolean
  open: boolean
  closedBy: Who | undefined
  labels: ReadonlyArray<"carpenter" | "mason" | "stranger">
  labelBy: Who
  assigned: boolean
  assignBy: Who
  reopenBy: Who | undefined
  undecidable: boolean
  readable: boolean
  targetingId: number
  targetedAt: number
  fork: boolean
  dependency: boolean
  text: number
  editors: ReadonlyArray<Who>
  prs: ReadonlyArray<ObservedPr & { readonly by: "agent" | "outsider" }>
  remarks: ReadonlyArray<Remark & { readonly who: Who }>
}

/** The machine and its operator. */
export interface Machine {
  paused: boolean
  full: boolean
  turn: boolean
  routeUntil: number
  costKnown: boolean
  setAside: boolean
  failures: number
  slow: boolean
  /** Running time that the budget of the day leaves, in seconds; 0: there is none. */
  seconds: number
  /** Until when it does not show what ended the newest run. */
  unclearUntil: number
}

/** Number of the issue. */
export const ISSUE = 7
/** How far the clock of the forge is ahead. */
export const SKEW = 40_000
/** Somebody as the forge is read. */
export const actorOf = (who: Who): Actor => ({ login: who, trusted: who !== "mallory", bot: who === "bot" })

/** A forge on which nothing has happened. */
export const newForge: ForgeSide = {
  exists: true,
  open: true,
  closedBy: undefined,
  labels: [],
  labelBy: "ada",
  assigned: false,
  assignBy: "ada",
  reopenBy: undefined,
  undecidable: false,
  readable: true,
  targetingId: 0,
  targetedAt: 0,
  fork: false,
  dependency: false,
  text: 1,
  editors: [],
  prs: [],
  remarks: [],
}

/** A machine with room. */
export const newMachine: Machine = {
  paused: false,
  full: false,
  turn: true,
  routeUntil: 0,
  costKnown: true,
  setAside: false,
  failures: 0,
  slow: false,
  seconds: 0,
  unclearUntil: 0,
}

/** What can be seen of a world. */
export interface Seen extends Snapshot {
  readonly state: IssueState
  readonly operation: ObservedOperation | undefined
  readonly life: LifeSettings
}

const seenOf = (bottle: ObservedBottle, { machine, now }: Snapshot): ObservedBottle =>
  bottle.state === "exited" && now < machine.unclearUntil
    ? { ...bottle, ended: { by: "unclear", until: machine.unclearUntil } }
    : bottle

/** What `decide` is asked about a world. */
export const inputOf = (world: Seen): Input => {
  const { forge, machine } = world
  const issue: Issue = {
    number: ISSUE,
    title: "T",
    body: `text ${forge.text}`,
    state: forge.open ? "open" : "closed",
    author: "mallory",
    authorId: 9,
    labels: forge.labels.map((name) => `bot-bottle:${name}`),
    assignees: forge.assigned ? ["bot"] : [],
  }
  const actors = [forge.labelBy, forge.assignBy, ...(forge.reopenBy === undefined ? [] : [forge.reopenBy])]
  return {
    now: world.now,
    steadySince: world.steadySince,
    number: ISSUE,
    forge: {
      at: world.forgeNow,
      ...(forge.exists && { issue }),
      ...(!forge.open && forge.closedBy && { closedBy: actorOf(forge.closedBy) }),
      ...(forge.fork && { pull: { fork: true } }),
      botAssigned: forge.undecidable ? "undecidable" : forge.assigned ? "yes" : "no",
      ...(forge.readable &&
        forge.targetingId > 0 && {
          targeting: { id: forge.targetingId, at: forge.targetedAt, actors: actors.map(actorOf) },
        }),
      dependencies: forge.dependency ? "open" : "none",
      digest: `d${forge.text}`,
      editors: forge.editors,
      prs: forge.prs,
      remarks: forge.remarks,
    },
    state: machine.setAside ? { ...world.state, setAside: "it failed" } : { ...world.state, setAside: null },
    ...(world.bottle && { bottle: seenOf(world.bottle, world) }),
    ...(world.operation && { operation: world.operation }),
    capacity: {
      bounds: [
        { of: "this machine", what: "running", used: machine.full ? 1 : 0, limit: 1 },
        { of: "today", what: "cost", used: 1, limit: 5 },
        ...(machine.seconds > 0
          ? [{ of: "today", what: "seconds" as const, used: 100, limit: 100 + machine.seconds }]
          : []),
      ],
      costKnown: machine.costKnown,
      ...(machine.routeUntil > 0 && { routeUntil: machine.routeUntil }),
      turn: machine.turn,
    },
    settings: world.life,
  }
}
