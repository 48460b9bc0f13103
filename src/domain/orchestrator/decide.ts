/**
 * decide: the only place that knows the life of an issue. It is pure: the same input gives the same decision, and a decision whose
 * operation was carried out leads, with no new input, to a wait.
 */
import type { Decision, Wait } from "./Decision.ts"
import { endingRules, expired } from "./ending.ts"
import { factsOf } from "./Facts.ts"
import type { Facts } from "./Facts.ts"
import { gateRules } from "./gates.ts"
import type { Input } from "./Observed.ts"
import type { Operation } from "./Operation.ts"
import type { RemarkRule } from "./remarks.ts"
import { remarkRules } from "./remarks.ts"
import type { GateRule, Later, LifeRule, StartRule } from "./Rule.ts"
import { wait } from "./Rule.ts"
import { runningRules } from "./running.ts"
import { committed, noticed, settle, causeOf } from "./settle.ts"
import { startRules } from "./starting.ts"
import type { TargetRule } from "./target.ts"
import { targetRules } from "./target.ts"

/** All rules of life. */
export interface Rules {
  /** What is a target. */
  readonly target: ReadonlyArray<TargetRule>
  /** What is for the agent. */
  readonly remarks: ReadonlyArray<RemarkRule>
  /** In order: the first that acts wins. */
  readonly life: ReadonlyArray<LifeRule>
  /** Asked when `life` does nothing: the first reason wins. */
  readonly start: ReadonlyArray<StartRule>
  /** What a start has to pass. */
  readonly gates: ReadonlyArray<GateRule>
  /** Asked when nothing wants to start. */
  readonly rest: ReadonlyArray<LifeRule>
}

/** All rules of life. */
export const rules: Rules = {
  target: targetRules,
  remarks: remarkRules,
  life: [...endingRules, ...runningRules],
  start: startRules,
  gates: gateRules,
  rest: [expired],
}

/** What to do about an issue, by which rule, and the row to store with it. */
export const decide = (input: Input): Decision => decideBy(rules)(input)

/** The same by other rules. */
export const decideBy =
  (rules: Rules) =>
  (input: Input): Decision => {
    const settled = settle(input)
    const first = factsOf({ ...input, state: settled }, rules.target, rules.remarks)
    const facts: Facts = { ...first, state: noticed(first) }
    const [rule, verdict] = paced(facts, verdictOf(rules, facts))
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
      const gate = rules.gates
        .map((rule) => [rule.name, rule.says(facts, said)] as const)
        .find(([, held]) => held !== undefined)
      return gate?.[1] === undefined ? [name, said] : soonest([gate[0], gate[1]], notes)
    }
  }
  for (const { name, says } of rules.rest) {
    const said = says(facts)
    if (said?._tag === "Later") notes.push([name, said])
    else if (said !== undefined && notes.length === 0) return [name, said]
  }
  const [first] = notes
  return soonest(
    first === undefined ? resting(facts) : [first[0], wait(first[1].kind, first[1].reason)],
    notes,
  )
}

/** A wait looks again at the earliest time that any rule named. */
const soonest = (
  [rule, held]: readonly [string, Wait],
  notes: ReadonlyArray<readonly [string, Later]>,
): Ruled => {
  const times = [...notes.map(([, { until }]) => until), ...(held.until === undefined ? [] : [held.until])]
  return [rule, times.length === 0 ? held : { ...held, until: Math.min(...times) }]
}

/** What failed is not tried again at once. */
const paced = ({ state: { failures }, now }: Facts, [rule, verdict]: Ruled): Ruled =>
  verdict._tag !== "Wait" && failures !== null && failures.of === causeOf(verdict) && failures.notBefore > now
    ? [
        "back-off after a failure",
        wait("back-off", `${verdict._tag.toLowerCase()} failed: ${failures.problem}`, failures.notBefore),
      ]
    : [rule, verdict]

/** Nothing to do, and no time to look again. */
const resting = (facts: Facts): readonly [string, Wait] => {
  const { bottle, untargeted, state } = facts
  if (bottle?.state === "running") return ["rest", wait("agent", "its agent is at work")]
  if (untargeted !== undefined)
    return ["rest", wait(untargeted.kind === "refused" ? "refused" : "not-targeted", untargeted.reason)]
  if (bottle === undefined && state.over !== null)
    return ["rest", wait("over", "its work is over, and it was not targeted again since")]
  return ["rest", wait("person", "it waits for a person")]
}
