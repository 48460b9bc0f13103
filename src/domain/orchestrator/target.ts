/** Rules for whether an issue is meant for an agent: each condition is a rule. */
import { parseTarget } from "../Targeting.ts"
import type { Actor, ObservedBottle, ObservedForge } from "./Observed.ts"
import type { LifeSettings } from "./LifeSettings.ts"

/** Why an issue is not a target. */
export interface Refusal {
  /** `no`: nobody asks for an agent. `refused`: somebody does, but may not. `undecidable`: the forge could not say. */
  readonly kind: "no" | "refused" | "undecidable"
  readonly reason: string
}

/** Input of the rules. */
export interface TargetFacts {
  readonly forge: ObservedForge
  readonly bottle: ObservedBottle | undefined
  readonly settings: LifeSettings
}

/** A condition for a target. */
export interface TargetRule {
  readonly name: string
  /** When it is checked. `holds`: whether a running agent may go on. `start`: also before a start that the targeting itself causes. */
  readonly of: "holds" | "start"
  readonly says: (facts: TargetFacts) => Refusal | undefined
}

const no = (reason: string): Refusal => ({ kind: "no", reason })
const refused = (reason: string): Refusal => ({ kind: "refused", reason })

/** A bot's words never count, even if it may write to the repository. */
const isHeard = ({ trusted, bot }: Actor): boolean => trusted && !bot

/** The conditions, in the order of their reasons. */
export const targetRules: ReadonlyArray<TargetRule> = [
  {
    name: "target: the issue exists",
    of: "holds",
    says: ({ forge }) => (forge.issue === undefined ? no("the forge has no such issue") : undefined),
  },
  {
    name: "target: the issue is open, or was closed by a stranger",
    of: "holds",
    says: ({ forge }) =>
      forge.issue?.state === "closed" && (forge.closedBy === undefined || isHeard(forge.closedBy))
        ? no("it is closed")
        : undefined,
  },
  {
    name: "target: no start on a closed issue",
    of: "start",
    says: ({ forge }) => (forge.issue?.state === "closed" ? no("it is closed") : undefined),
  },
  {
    name: "target: its labels name one agent, and it has an assignee",
    of: "holds",
    says: ({ forge }) => {
      const target = forge.issue === undefined ? undefined : parseTarget(forge.issue)
      if (target === undefined || target._tag === "Targeted") return undefined
      return /has no (label|assignee)/.test(target.reason) ? no(target.reason) : refused(target.reason)
    },
  },
  {
    name: "target: a bot is assigned",
    of: "holds",
    says: ({ forge: { botAssigned } }) =>
      botAssigned === "yes"
        ? undefined
        : botAssigned === "no"
          ? no("no assignee is a member of the org of bots")
          : { kind: "undecidable", reason: "the forge does not say whether an assignee is a bot" },
  },
  {
    name: "target: its bottle runs the agent that the label names",
    of: "holds",
    says: ({ forge, bottle }) => {
      const agent = agentOf(forge)
      return bottle !== undefined && agent !== undefined && bottle.agent !== agent
        ? refused(`its label names ${agent}, and its bottle ${bottle.slug} runs ${bottle.agent}`)
        : undefined
    },
  },
  {
    name: "target: a pull request of a fork is refused",
    of: "start",
    says: ({ forge }) =>
      forge.pull?.fork === true
        ? refused("it is a pull request from a fork, which cannot be pushed to")
        : undefined,
  },
  {
    name: "target: agent and bottles are among those of the repository",
    of: "start",
    says: ({ forge, settings }) => {
      const target = forge.issue === undefined ? undefined : parseTarget(forge.issue)
      if (target?._tag !== "Targeted") return undefined
      if (settings.agents !== undefined && !settings.agents.includes(target.agent))
        return refused(`this repository has no agent ${target.agent}`)
      const bottle = target.bottles.find((name) => settings.bottles?.includes(name) === false)
      return bottle === undefined ? undefined : refused(`this repository has no bottle ${bottle}`)
    },
  },
  {
    name: "target: who labelled and assigned it is trusted",
    of: "start",
    says: ({ forge }) => {
      const stranger = forge.targeting?.actors.find((actor) => !isHeard(actor))
      return stranger === undefined
        ? undefined
        : refused(`it was labelled, assigned or reopened by ${stranger.login}, who is not trusted`)
    },
  },
]

/** The agent that the labels name, if any. */
export const agentOf = (forge: ObservedForge): string | undefined => {
  const target = forge.issue === undefined ? undefined : parseTarget({ ...forge.issue, assignees: ["any"] })
  return target?._tag === "Targeted" ? target.agent : undefined
}
