/** A forge, one issue, one machine and an agent in virtual time, for histories of events: what `decide` decides is carried out here. */
import type { Issue } from "../../../src/domain/Forge.ts"
import type { Decision } from "../../../src/domain/orchestrator/Decision.ts"
import { newIssueState } from "../../../src/domain/orchestrator/IssueState.ts"
import { defaultLife } from "../../../src/domain/orchestrator/LifeSettings.ts"
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

export type Who = "ada" | "mallory" | "bot"

/** Something that happens. `hints`: how often it is told; 0 is lost. `wait`: milliseconds before it. */
export interface Happening {
  readonly act: (typeof ACTS)[number]
  readonly who?: Who
  readonly hints?: number
  readonly wait?: number
  readonly text?: string
}

/** All that can happen. */
export const ACTS = [
  "label",
  "unlabel",
  "otherLabel",
  "unknownAgent",
  "assign",
  "unassign",
  "undecidable",
  "decidable",
  "close",
  "reopen",
  "forkPull",
  "blockDependency",
  "freeDependency",
  "editText",
  "timelineUnreadable",
  "comment",
  "commentPr",
  "reviewPr",
  "emptyReview",
  "dismissReview",
  "editComment",
  "commentElsewhere",
  "outsiderPr",
  "mergeOutsider",
  "merge",
  "closePr",
  "reopenPr",
  "checksFail",
  "checksError",
  "checksPass",
  "personPushes",
  "conflict",
  "draftConflict",
  "mergeable",
  "agentOpensPr",
  "agentPushes",
  "agentDone",
  "agentBlocked",
  "agentExits",
  "machineStops",
  "providerStops",
  "checkin",
  "sidecarDies",
  "sidecarFails",
  "lose",
  "breakDestroy",
  "pause",
  "continue",
  "fill",
  "empty",
  "noTurn",
  "turn",
  "routeRests",
  "costUnknown",
  "costKnown",
  "setAside",
  "failOnce",
  "failThrice",
  "slow",
  "quick",
  "sweep",
  "jump",
  "removeByHand",
  "hang",
  "deleteIssue",
] as const

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

interface ForgeSide {
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

interface Machine {
  paused: boolean
  full: boolean
  turn: boolean
  routeUntil: number
  costKnown: boolean
  setAside: boolean
  failures: number
  slow: boolean
}

export const ISSUE = 7
const SKEW = 40_000
const actorOf = (who: Who): Actor => ({ login: who, trusted: who !== "mallory", bot: who === "bot" })

/** One world. `decide` may be one with a rule left out. */
export class World {
  now = 1_800_000_000_000
  steadySince = this.now
  state = newIssueState
  bottle: ObservedBottle | undefined
  operation: ObservedOperation | undefined
  decision: Decision | undefined
  /** The world as the newest operation was decided on. */
  decidedOn: Snapshot | undefined
  readonly deeds: Array<Deed> = []
  readonly problems: Array<string> = []
  /** Pull requests of the newest bottle, also of one that is gone. */
  lastPrs: ReadonlyArray<number> = []
  /** When a bottle was last removed by hand, by the forge's clock. */
  removedAt: number | undefined
  /** How many deeds there were then. */
  removedAfter = 0
  /** A run whose agent never ends by itself. */
  hung = 0
  ids = 100
  forge: ForgeSide = {
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
  machine: Machine = {
    paused: false,
    full: false,
    turn: true,
    routeUntil: 0,
    costKnown: true,
    setAside: false,
    failures: 0,
    slow: false,
  }

  readonly decide: (input: Input) => Decision
  readonly settings: Partial<LifeSettings>

  constructor(decide: (input: Input) => Decision, settings: Partial<LifeSettings> = {}) {
    this.decide = decide
    this.settings = settings
  }

  get life(): LifeSettings {
    return {
      ...defaultLife,
      botLogin: "bot",
      agents: ["carpenter", "mason"],
      ...this.settings,
      paused: this.machine.paused,
    }
  }

  get forgeNow(): number {
    return this.now + SKEW
  }

  snapshot(): Snapshot {
    return {
      now: this.now,
      forgeNow: this.forgeNow,
      steadySince: this.steadySince,
      forge: { ...this.forge },
      bottle: this.bottle,
      machine: { ...this.machine },
    }
  }

  /** Time passes; rows whose time has come are looked at, open operations are carried out. */
  pass(millis: number): void {
    const end = this.now + millis
    for (let looks = 0; looks < 500; looks++) {
      const next = this.state.nextAt
      if (next === null || next > end) break
      this.now = Math.max(this.now, next)
      this.look()
    }
    this.now = end
  }

  happen({ act, who = "ada", hints = 1, wait = 1_000, text = "please" }: Happening): void {
    this.pass(wait)
    this.carryOut()
    this.act(act, who, text)
    for (let n = 0; n < hints; n++) this.look()
  }

  /** Observe, decide, commit, operate. */
  look(): void {
    const input = this.input()
    const decision = this.decide(input)
    if (decision.state.version !== input.state.version + 1)
      this.problems.push("the version was not raised by one")
    this.decision = decision
    this.state = decision.state
    if (decision.verdict._tag === "Wait") return
    if (this.operation?.state === "open") this.problems.push("two operations at once")
    this.decidedOn = this.snapshot()
    this.operation = {
      generation: this.state.generation,
      step: this.state.step,
      input: decision.verdict,
      state: "open",
    }
    if (!this.machine.slow) this.carryOut()
  }

  carryOut(): void {
    if (this.operation?.state !== "open") return
    const { input } = this.operation
    const before = this.decidedOn ?? this.snapshot()
    const ok = this.machine.failures === 0
    if (!ok) this.machine.failures--
    this.deeds.push({ at: this.now, operation: input, ok, before })
    if (ok) this.apply(input)
    this.operation = {
      ...this.operation,
      state: ok ? "done" : "failed",
      problem: "no engine",
      endedAt: this.now,
    }
    this.look()
  }

  /** Time goes on until nothing happens any more; agents that still run are done soon. */
  drain(millis: number): void {
    this.machine = {
      ...this.machine,
      paused: false,
      full: false,
      turn: true,
      slow: false,
      costKnown: true,
      failures: 0,
      routeUntil: 0,
    }
    this.forge = { ...this.forge, undecidable: false }
    const end = this.now + millis
    for (let round = 0; round < 300 && this.now <= end; round++) {
      this.carryOut()
      this.look()
      const { bottle } = this
      if (bottle?.state === "running" && bottle.run !== this.hung && bottle.done === undefined) {
        this.pass(2_000)
        this.endRun({ done: "success" })
        this.look()
      } else {
        const next = this.state.nextAt
        if (next === null || next > end) break
        this.now = Math.max(next, this.now + 1)
      }
    }
    this.now = Math.max(this.now, end)
  }

  input(): Input {
    const { forge, machine } = this
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
      now: this.now,
      steadySince: this.steadySince,
      number: ISSUE,
      forge: {
        at: this.forgeNow,
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
      state: machine.setAside ? { ...this.state, setAside: "it failed" } : { ...this.state, setAside: null },
      ...(this.bottle && { bottle: this.bottle }),
      ...(this.operation && { operation: this.operation }),
      capacity: {
        bounds: [
          { of: "this machine", what: "running", used: machine.full ? 1 : 0, limit: 1 },
          { of: "today", what: "cost", used: 1, limit: 5 },
        ],
        costKnown: machine.costKnown,
        ...(machine.routeUntil > 0 && { routeUntil: machine.routeUntil }),
        turn: machine.turn,
      },
      settings: this.life,
    }
  }

  private apply(operation: Operation): void {
    const { bottle } = this
    switch (operation._tag) {
      case "Launch":
        this.hung = 0
        if (bottle !== undefined) this.problems.push(`launched beside a bottle that is ${bottle.state}`)
        this.lastPrs = []
        this.bottle = {
          slug: `b${++this.ids}`,
          agent: operation.agent,
          state: "running",
          run: 1,
          startedAt: this.now,
          prs: [],
          sidecar: "alive",
        }
        return
      case "Resume": {
        if (bottle === undefined || bottle.state === "running" || bottle.state === "lost")
          return void this.problems.push(`resumed what is ${bottle?.state ?? "not there"}`)
        const { done: _done, ended: _ended, checkinAt: _checkin, frozenAt: _frozen, ...kept } = bottle
        this.bottle = {
          ...kept,
          state: "running",
          run: bottle.run + 1,
          startedAt: this.now,
          sidecar: "alive",
        }
        return
      }
      case "Stop":
        return void this.endRun({})
      case "Freeze":
        if (bottle === undefined) return void this.problems.push("froze what is not there")
        this.bottle = { ...bottle, state: "frozen", frozenAt: this.now }
        return
      case "Destroy":
        this.bottle = undefined
    }
  }

  endRun({
    done,
    by = "agent",
    until,
  }: {
    done?: "success" | "blocked"
    by?: "agent" | "machine" | "provider"
    until?: number
  }): void {
    if (this.bottle?.state !== "running") return
    this.bottle = {
      ...this.bottle,
      state: "exited",
      ended: { by, ...(until !== undefined && { until }) },
      ...(done && { done: { status: done, at: this.now } }),
    }
  }

  private targeted(id = ++this.ids): void {
    this.forge = { ...this.forge, targetingId: id, targetedAt: this.forgeNow }
  }

  private remark(on: number, who: Who, more: Partial<Remark> = {}): void {
    const at = this.forgeNow
    this.forge.remarks = [
      ...this.forge.remarks,
      {
        kind: "comment",
        id: ++this.ids,
        on,
        author: actorOf(who),
        who,
        createdAt: at,
        updatedAt: at,
        body: "please",
        lines: [],
        ...more,
      },
    ]
  }

  private pr(change: Partial<ObservedPr>, which: (pr: ObservedPr & { by: string }) => boolean): void {
    const at = this.forge.prs.findLastIndex(which)
    this.forge.prs = this.forge.prs.map((pr, n) => (n === at ? { ...pr, ...change } : pr))
  }

  private openPr(by: "agent" | "outsider"): number {
    const number = ++this.ids
    this.forge.prs = [
      ...this.forge.prs,
      {
        number,
        by,
        state: "open",
        merged: false,
        draft: false,
        head: `h${number}`,
        base: "b1",
        headOfRun: by === "agent",
        mergeable: true,
        checks: "none",
        failedChecks: [],
      },
    ]
    return number
  }

  private act(act: Happening["act"], who: Who, text: string): void {
    const { forge, machine, bottle } = this
    const running = bottle?.state === "running"
    const mine = (pr: ObservedPr) => bottle?.prs.includes(pr.number) === true
    const openOfMine = (pr: ObservedPr) => mine(pr) && pr.state === "open"
    const ownPr = forge.prs.findLast(openOfMine)
    const over = { state: "closed", overAt: this.forgeNow } as const
    switch (act) {
      case "label":
        forge.labels = ["carpenter"]
        forge.labelBy = who
        return this.targeted()
      case "unlabel":
        forge.labels = []
        return
      case "otherLabel":
        forge.labels = ["mason"]
        forge.labelBy = who
        return this.targeted()
      case "unknownAgent":
        forge.labels = ["stranger"]
        forge.labelBy = who
        return this.targeted()
      case "assign":
        forge.assigned = true
        forge.assignBy = who
        return this.targeted()
      case "unassign":
        forge.assigned = false
        return
      case "undecidable":
        forge.undecidable = true
        return
      case "decidable":
        forge.undecidable = false
        return
      case "close":
        if (forge.open) {
          forge.open = false
          forge.closedBy = who
        }
        return
      case "reopen":
        if (!forge.open) {
          forge.open = true
          forge.reopenBy = who
          this.targeted()
        }
        return
      case "forkPull":
        if (this.state.generation === 0) forge.fork = true
        return
      case "blockDependency":
        forge.dependency = true
        return
      case "freeDependency":
        forge.dependency = false
        return
      case "editText":
        forge.text++
        forge.editors = [...forge.editors, who]
        return
      case "timelineUnreadable":
        if (this.state.generation === 0) forge.readable = false
        return
      case "comment":
        return this.remark(ISSUE, who, { body: text || "please" })
      case "commentPr":
        return ownPr && this.remark(ownPr.number, who, { body: text || "please" })
      case "reviewPr":
        return (
          ownPr &&
          this.remark(ownPr.number, who, {
            kind: "review",
            verdict: "rejected",
            body: "",
            lines: [{ path: "a", line: 1, hunk: "@@", body: "why?" }],
          })
        )
      case "emptyReview":
        return ownPr && this.remark(ownPr.number, who, { kind: "review", verdict: "approved", body: " " })
      case "dismissReview":
        return (
          ownPr &&
          this.remark(ownPr.number, who, { kind: "review", verdict: "rejected", body: "no", dismissed: true })
        )
      case "commentElsewhere": {
        const other = forge.prs.find((pr) => pr.by === "outsider")
        return other && this.remark(other.number, who)
      }
      case "editComment":
        forge.remarks = forge.remarks.map((it, n) =>
          n === forge.remarks.length - 1 ? { ...it, updatedAt: this.forgeNow } : it,
        )
        return
      case "outsiderPr":
        this.openPr("outsider")
        return
      case "mergeOutsider":
        return this.pr({ ...over, merged: true }, (pr) => pr.by === "outsider" && pr.state === "open")
      case "merge":
        return this.pr({ ...over, merged: true }, openOfMine)
      case "closePr":
        return this.pr(over, openOfMine)
      case "reopenPr":
        return this.pr({ state: "open" }, (pr) => mine(pr) && !pr.merged)
      case "checksFail":
        return this.pr({ checks: "failure" }, openOfMine)
      case "checksError":
        return this.pr({ checks: "error" }, openOfMine)
      case "checksPass":
        return this.pr({ checks: "success" }, openOfMine)
      case "personPushes":
        return this.pr({ headOfRun: false, head: `h${++this.ids}` }, openOfMine)
      case "conflict":
        return this.pr({ mergeable: false, base: `b${++this.ids}` }, openOfMine)
      case "draftConflict":
        return this.pr({ mergeable: false, draft: true }, openOfMine)
      case "mergeable":
        return this.pr({ mergeable: true, draft: false }, openOfMine)
      case "agentOpensPr":
        if (running && ownPr === undefined && bottle.prs.length < 2) {
          this.lastPrs = [...bottle.prs, this.openPr("agent")]
          this.bottle = { ...bottle, prs: this.lastPrs }
        }
        return
      case "agentPushes":
        if (running)
          this.pr({ head: `h${++this.ids}`, headOfRun: true, checks: "pending", mergeable: true }, openOfMine)
        return
      case "agentDone":
        if (running && bottle.done === undefined)
          this.bottle = { ...bottle, done: { status: "success", at: this.now } }
        return
      case "agentBlocked":
        return this.endRun({ done: "blocked" })
      case "agentExits":
        if (running && bottle.done) return this.endRun({ done: "success" })
        return this.endRun({})
      case "machineStops":
        return this.endRun({ by: "machine" })
      case "providerStops":
        return this.endRun({ by: "provider", ...(who === "ada" && { until: this.now + 7_200_000 }) })
      case "checkin":
        if (running) this.bottle = { ...bottle, checkinAt: this.now }
        return
      case "sidecarDies":
        if (running) this.bottle = { ...bottle, sidecar: "dead" }
        return
      case "sidecarFails":
        if (running) this.bottle = { ...bottle, sidecar: "failed" }
        return
      case "lose":
        if (bottle?.state === "frozen") this.bottle = { ...bottle, state: "lost" }
        return
      case "breakDestroy":
        if (bottle?.state === "frozen") this.bottle = { ...bottle, state: "destroying" }
        return
      case "pause":
        machine.paused = true
        return
      case "continue":
        machine.paused = false
        return
      case "fill":
        machine.full = true
        return
      case "empty":
        machine.full = false
        return
      case "noTurn":
        machine.turn = false
        return
      case "turn":
        machine.turn = true
        return
      case "routeRests":
        machine.routeUntil = this.now + 1_200_000
        return
      case "costUnknown":
        machine.costKnown = false
        return
      case "costKnown":
        machine.costKnown = true
        return
      case "setAside":
        machine.setAside = !machine.setAside
        return
      case "failOnce":
        machine.failures = 1
        return
      case "failThrice":
        machine.failures = 3
        return
      case "slow":
        machine.slow = true
        return
      case "quick":
        machine.slow = false
        return
      case "sweep":
        return this.look()
      case "jump":
        this.now += 3_600_000
        this.steadySince = this.now
        return
      case "hang":
        if (running) this.hung = bottle.run
        return
      case "deleteIssue":
        forge.exists = false
        return
      case "removeByHand":
        if (this.operation?.state !== "open" && bottle) {
          this.bottle = undefined
          this.removedAfter = this.deeds.length
          this.removedAt = this.forgeNow
          this.look()
        }
    }
  }
}
