/** Facts that rules use: the input, and everything derived from it before any rule runs. */
import { parseTarget } from "../Targeting.ts"
import type { Input, ObservedPr, Remark } from "./Observed.ts"
import type { RemarkRule } from "./remarks.ts"
import { remarksOf } from "./remarks.ts"
import type { Refusal, TargetRule } from "./target.ts"

/** The input, and what is derived from it. `state` already includes the newest operation. */
export interface Facts extends Input {
  /** Pull requests of the run: those that its sidecars recorded, and the issue itself if it is one. */
  readonly runPrs: ReadonlyArray<ObservedPr>
  /** Why a running agent may not go on; undefined: it may, or the forge could not say. */
  readonly away: Refusal | undefined
  /** Why an existing bottle may not be started again. Like `away`, but undecidable counts as no. */
  readonly unheld: Refusal | undefined
  /** Why the targeting itself starts nothing. */
  readonly untargeted: Refusal | undefined
  readonly agent: string
  readonly bottles: ReadonlyArray<string>
  /** Remarks for the next prompt, oldest first. */
  readonly unseen: ReadonlyArray<Remark>
  /** Those of them that start a run. */
  readonly starting: ReadonlyArray<Remark>
}

/** Derives facts from an input, by the conditions of targets and remarks. */
export const factsOf = (
  input: Input,
  targetRules: ReadonlyArray<TargetRule>,
  remarkRules: ReadonlyArray<RemarkRule>,
): Facts => {
  const { forge, bottle, number } = input
  const runPrs = forge.prs.filter(
    (pr) => bottle?.prs.includes(pr.number) === true || (forge.pull !== undefined && pr.number === number),
  )
  const facts = { forge, bottle, settings: input.settings }
  const refusals = targetRules.flatMap(({ of, says }) => {
    const refusal = says(facts)
    return refusal === undefined ? [] : [{ of, refusal }]
  })
  const unheld = refusals.flatMap(({ of, refusal }) => (of === "holds" ? [refusal] : []))
  const unseen = remarksOf(remarkRules, "given", forge.remarks, input, runPrs)
  const target = forge.issue === undefined ? undefined : parseTarget(forge.issue)
  return {
    ...input,
    runPrs,
    away: unheld.find(({ kind }) => kind !== "undecidable"),
    unheld: unheld[0],
    untargeted: refusals[0]?.refusal,
    agent: target?._tag === "Targeted" ? target.agent : "",
    bottles: target?._tag === "Targeted" ? target.bottles : [],
    unseen,
    starting: remarksOf(remarkRules, "starts", unseen, input, runPrs),
  }
}
