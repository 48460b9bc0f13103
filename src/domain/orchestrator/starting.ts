/** Rules that start an agent: each returns one reason to launch or to resume. */
import type { Facts } from "./Facts.ts"
import { CONFLICT_LASTS, DEFAULT_FEEDBACK } from "./LifeSettings.ts"
import type { Bound, ObservedPr } from "./Observed.ts"
import type { Allowance, IssueText, Resume, ResumeCause } from "./Operation.ts"
import { consumedOf } from "./remarks.ts"
import type { StartRule } from "./Rule.ts"
import { later } from "./Rule.ts"

const machine: StartRule = {
  name: "stopped by the engine or the machine: resume once",
  says: (facts) =>
    facts.bottle?.state === "exited" &&
    facts.bottle.done === undefined &&
    facts.bottle.ended?.by === "machine" &&
    facts.state.machineResumes === 0 &&
    facts.unheld === undefined
      ? resume(facts, "machine", "the engine or the machine stopped its agent")
      : undefined,
}

const provider: StartRule = {
  name: "the model provider may be asked again: resume",
  says: (facts) => {
    const frozen = frozenFor(facts)
    if (frozen?.cause !== "provider" || facts.unheld !== undefined) return undefined
    const until = frozen.until ?? facts.now
    return until <= facts.now
      ? resume(facts, "provider", "the model provider may be asked again")
      : later("provider", "the model provider refused its last call", until)
  },
}

const targeted: StartRule = {
  name: "targeted again: resume",
  says: (facts) =>
    frozenFor(facts)?.cause === "untargeted" && facts.untargeted === undefined
      ? resume(facts, "targeted", "it is targeted again")
      : undefined,
}

const decided: StartRule = {
  name: "a person decided what it asked for: resume",
  says: (facts) => {
    const { decided = 0, done } = facts.bottle ?? {}
    if (!rests(facts) || decided === 0 || facts.unheld !== undefined) return undefined
    if (frozenFor(facts)?.cause === "untargeted") return undefined
    return done?.status === "success" || done?.status === "no_change"
      ? undefined
      : resume(facts, "decided", "a person decided what it asked for")
  },
}

const remarks: StartRule = {
  name: "a trusted person spoke: resume after a while of silence",
  says: (facts) => {
    const newest = facts.starting.at(-1)
    if (!rests(facts) || newest === undefined || facts.unheld !== undefined) return undefined
    if (frozenFor(facts)?.cause === "untargeted") return undefined
    const left = newest.updatedAt + facts.settings.settle - facts.forge.at
    return left <= 0
      ? resume(facts, "remarks", `${newest.author.login} spoke on #${newest.on}`)
      : later("settle", "a person spoke, and may go on", facts.now + left)
  },
}

const checks: StartRule = {
  name: "checks of the run's own head failed: resume",
  says: (facts) => {
    const { state, settings, runPrs } = facts
    if (!rests(facts) || facts.unheld !== undefined || state.feedback >= settings.ciFeedback) return undefined
    const pr = runPrs.find(
      (pr) =>
        pr.state === "open" &&
        pr.headOfRun &&
        pr.checks === "failure" &&
        !state.failedHeads.includes(pr.head),
    )
    return pr === undefined
      ? undefined
      : { ...resume(facts, "checks", `checks of #${pr.number} failed`), head: headOf(pr) }
  },
}

const conflict: StartRule = {
  name: "its pull request cannot be merged, twice in a row: resume",
  says: (facts) => {
    const { state, settings, now } = facts
    const most = settings.ciFeedback > 0 ? settings.ciFeedback : DEFAULT_FEEDBACK
    if (settings.onConflict !== "resume" || !rests(facts) || facts.unheld !== undefined) return undefined
    if (state.feedback >= most || state.conflict === null) return undefined
    const pr = conflictOf(facts.runPrs)
    if (pr === undefined || state.conflictHeads.includes(pr.head)) return undefined
    const until = state.conflict.since + CONFLICT_LASTS
    return until <= now
      ? { ...resume(facts, "conflict", `#${pr.number} cannot be merged into its base`), head: headOf(pr) }
      : later("conflict", `whether #${pr.number} can be merged is asked again`, until)
  },
}

const launch: StartRule = {
  name: "targeted, and without a bottle: launch",
  says: (facts) => {
    const { bottle, state, forge } = facts
    if (bottle !== undefined && bottle.state !== "created") return undefined
    if (facts.untargeted !== undefined) return undefined
    return {
      _tag: "Launch",
      ...common(facts),
      reason: state.over === null ? "it is targeted" : "it was targeted again",
      agent: facts.agent,
      bottles: facts.bottles,
      targeting: forge.targeting?.id ?? 0,
    }
  },
}

/** The rules, in order. */
export const startRules: ReadonlyArray<StartRule> = [
  machine,
  provider,
  targeted,
  decided,
  remarks,
  checks,
  conflict,
  launch,
]

/** The pull request that cannot be merged, if there is one. */
export const conflictOf = (prs: ReadonlyArray<ObservedPr>): ObservedPr | undefined =>
  prs.find((pr) => pr.state === "open" && !pr.mergeable && !pr.draft && pr.headOfRun)

/** Includes `lost` bottles, so that a person who waits in vain is notified. */
const rests = ({ bottle }: Facts): boolean => bottle?.state === "frozen" || bottle?.state === "lost"

/** Why the bottle was frozen, if it was frozen after its newest run. */
const frozenFor = (facts: Facts) =>
  rests(facts) && facts.state.frozen?.run === facts.bottle?.run ? facts.state.frozen : null

const headOf = (pr: ObservedPr) => ({ pr: pr.number, sha: pr.head })

const resume = (facts: Facts, cause: ResumeCause, reason: string): Resume => ({
  _tag: "Resume",
  ...common(facts),
  reason,
  cause,
  targeting: facts.forge.targeting?.id ?? facts.state.targeting,
})

const common = (facts: Facts) => ({
  consumes: facts.unseen.map(consumedOf),
  text: textOf(facts),
  allowance: allowanceOf(facts),
})

const textOf = ({ forge, state }: Facts): IssueText => ({
  digest: forge.digest,
  edited: forge.editors.length > 0 || (state.digest !== null && state.digest !== forge.digest),
  changed: state.given !== forge.digest,
  editors: forge.editors,
})

/** The remainder of the tightest bound of each kind. */
const allowanceOf = ({ capacity }: Facts): Allowance => {
  const left = (kind: Bound["what"]): number | undefined => {
    const rests = capacity.bounds.filter(({ what }) => what === kind).map(({ used, limit }) => limit - used)
    return rests.length === 0 ? undefined : Math.min(...rests)
  }
  const [seconds, tokens, cost] = [left("seconds"), left("tokens"), left("cost")]
  return {
    ...(seconds !== undefined && { seconds }),
    ...(tokens !== undefined && { tokens }),
    ...(cost !== undefined && { cost }),
  }
}
