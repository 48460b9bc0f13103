/**
 * decide: the only place that knows the life cycle of an issue. It is pure: the same input gives the same decision. After a decided
 * operation was carried out, the next decision without new input is to wait.
 */
import type { Decision, Wait, WaitKind } from "./Decision.ts"
import { endingRules, expired } from "./ending.ts"
import { factsOf } from "./Facts.ts"
import type { Facts } from "./Facts.ts"
import { gateRules, paceRules } from "./gates.ts"
import type { Input } from "./Observed.ts"
import type { Operation } from "./Operation.ts"
import type { RemarkRule } from "./remarks.ts"
import { remarkRules } from "./remarks.ts"
import type { GateRule, Later, LifeRule, PaceRule, Start, StartRule } from "./Rule.ts"
import { wait } from "./Rule.ts"
import { runningRules } from "./running.ts"
import { committed, noticed, settle } from "./settle.ts"
import { startRules } from "./starting.ts"
import type { TargetRule } from "./target.ts"
import { targetRules } from "./target.ts"

/** All life-cycle rules. */
export interface Rules {
  /** Which issues are targets. */
  readonly target: ReadonlyArray<TargetRule>
  /** Which remarks are for the agent. */
  readonly remarks: ReadonlyArray<RemarkRule>
  /** In order: the first rule that acts wins. */
  readonly life: ReadonlyArray<LifeRule>
  /** Used when `life` does nothing: the first reason wins. */
  readonly start: ReadonlyArray<StartRule>
  /** Conditions that a start must pass. */
  readonly gates: ReadonlyArray<GateRule>
  /** Used when nothing wants to start. */
  readonly rest: ReadonlyArray<LifeRule>
  /** Checked for each operation before it is decided. */
  readonly pace: ReadonlyArray<PaceRule>
}

/** All life-cycle rules. */
export const rules: Rules = {
  target: targetRules,
  remarks: remarkRules,
  life: [...endingRules, ...runningRules],
  start: startRules,
  gates: gateRules,
  rest: [expired],
  pace: paceRules,
}

/** Decides what to do about an issue, by which rule, and the row to store with the decision. */
export const decide = (input: Input): Decision => decideBy(rules)(input)

/** The same with other rules. */
export const decideBy =
  (rules: Rules) =>
  (input: Input): Decision => {
    const settled = settle(input)
    const first = factsOf({ ...input, state: settled }, rules.target, rules.remarks)
    const facts: Facts = { ...first, state: noticed(first) }
    const [rule, verdict] = paced(rules, facts, verdictOf(rules, facts))
    return { verdict, rule, state: committed(facts, verdict) }
  }

type Ruled = readonly [rule: string, verdict: Operation | Wait]

const verdictOf = (rules: Rules, facts: Facts): Ruled => {
  const notes: Array<readonly [string, Later]> = []
  for (const { name, says } of rules.life) {
    const said = says(facts)
    if (said?._tag === "Later") notes.push([name, said])
    else if (said !== undefined) return [name, said]
  }
  for (const { name, says } of rules.start) {
    const said = says(facts)
    if (said?._tag === "Later") notes.push([name, said])
    else if (said !== undefined) {
      const gate = gateOf(rules, facts, said)
      if (gate === undefined) return [name, said]
      return HOPELESS.has(gate[1].kind) ? rest(rules, facts, notes, gate) : soonest(gate, notes)
    }
  }
  return rest(rules, facts, notes)
}

/** Waits that only a person can end. The bottle still expires. */
const HOPELESS: ReadonlySet<WaitKind> = new Set(["lost", "gave-up"])

const gateOf = (rules: Rules, facts: Facts, start: Start): readonly [string, Wait] | undefined => {
  for (const { name, says } of rules.gates) {
    const held = says(facts, start)
    if (held !== undefined) return [name, held]
  }
  return undefined
}

const rest = (
  rules: Rules,
  facts: Facts,
  notes: ReadonlyArray<readonly [string, Later]>,
  held?: readonly [string, Wait],
): Ruled => {
  const all = [...notes]
  for (const { name, says } of rules.rest) {
    const said = says(facts)
    if (said?._tag === "Later") all.push([name, said])
    else if (said !== undefined && notes.length === 0) return [name, said]
  }
  const [first] = all
  const none =
    first === undefined ? resting(facts) : ([first[0], wait(first[1].kind, first[1].reason)] as const)
  return soonest(held ?? none, all)
}

/** A wait looks again at the earliest time that any rule named. */
const soonest = (
  [rule, held]: readonly [string, Wait],
  notes: ReadonlyArray<readonly [string, Later]>,
): Ruled => {
  const times = [...notes.map(([, { until }]) => until), ...(held.until === undefined ? [] : [held.until])]
  return [rule, times.length === 0 ? held : { ...held, until: Math.min(...times) }]
}

const paced = (rules: Rules, facts: Facts, [rule, verdict]: Ruled): Ruled => {
  if (verdict._tag === "Wait") return [rule, verdict]
  for (const { name, says } of rules.pace) {
    const held = says(facts, verdict)
    if (held !== undefined) return [name, held]
  }
  return [rule, verdict]
}

/** Nothing to do, and no time to look again. */
const resting = (facts: Facts): readonly [string, Wait] => {
  const { bottle, untargeted } = facts
  if (bottle?.state === "running") return ["rest", wait("agent", "its agent is at work")]
  if (untargeted !== undefined)
    return ["rest", wait(untargeted.kind === "refused" ? "refused" : "not-targeted", untargeted.reason)]
  return ["rest", wait("person", "it waits for a person")]
}
