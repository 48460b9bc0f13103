/** A forge, one issue, one machine and an agent in virtual time: what `decide` decides is carried out here. */
import type { Decision } from "../../../src/domain/orchestrator/Decision.ts"
import { newIssueState } from "../../../src/domain/orchestrator/IssueState.ts"
import { defaultLife } from "../../../src/domain/orchestrator/LifeSettings.ts"
import type { LifeSettings } from "../../../src/domain/orchestrator/LifeSettings.ts"
import type { Input, ObservedBottle, ObservedOperation } from "../../../src/domain/orchestrator/Observed.ts"
import type { Operation } from "../../../src/domain/orchestrator/Operation.ts"
import type { Deed, ForgeSide, Machine, Seen, Snapshot } from "./worldState.ts"
import { inputOf, newForge, newMachine, SKEW } from "./worldState.ts"

/** One world. `decide` may be one with a rule left out. */
export class World implements Seen {
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
  forge: ForgeSide = newForge
  machine: Machine = newMachine

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
    // Lost since it was decided on.
    const isLost = input._tag === "Resume" && this.bottle?.state === "lost"
    const ok = this.machine.failures === 0 && !isLost
    if (this.machine.failures > 0) this.machine = { ...this.machine, failures: this.machine.failures - 1 }
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

  /** What `decide` is asked. */
  input(): Input {
    return inputOf(this)
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
        const { done: _done, ended: _ended, checkinAt: _checkin, frozenAt: _frozen, ...rest } = bottle
        // Its agent reads what was decided.
        const { decided: _decided, ...kept } = rest
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
    unclear = false,
  }: {
    done?: "success" | "blocked"
    by?: "agent" | "machine" | "provider"
    until?: number
    unclear?: boolean
  }): void {
    if (this.bottle?.state !== "running") return
    this.machine = { ...this.machine, unclearUntil: unclear ? this.now + 20_000 : 0 }
    this.bottle = {
      ...this.bottle,
      state: "exited",
      ended: { by, ...(until !== undefined && { until }) },
      ...(done && { done: { status: done, at: this.now } }),
    }
  }
}
