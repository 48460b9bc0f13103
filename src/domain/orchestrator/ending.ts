/** Rules for the end of a bottle: when its work is over it is destroyed, whatever its state. */
import type { Facts } from "./Facts.ts"
import type { Destroy } from "./Operation.ts"
import type { LifeRule } from "./Rule.ts"
import { later, wait } from "./Rule.ts"

/** One operation of an issue at a time. */
const oneAtATime: LifeRule = {
  name: "one operation at a time",
  says: ({ operation }) =>
    operation?.state === "open"
      ? wait("operation", `${operation.input._tag.toLowerCase()} is being carried out`)
      : undefined,
}

/** A destroy that did not finish is completed. */
const interrupted: LifeRule = {
  name: "a destroy is completed",
  says: (facts) => {
    if (facts.bottle?.state !== "destroying") return undefined
    // The bottle's work ended with its pull requests. Targeting the issue since then asked for another bottle.
    const over = overPrs(facts).length > 0 ? newestEnd(facts) : facts.forge.at
    return destroy("interrupted", "a destroy did not come to its end", over)
  },
}

const merged: LifeRule = {
  name: "merged: destroy",
  says: (facts) => {
    const prs = overPrs(facts)
    const last = prs.find((pr) => pr.merged)
    return last === undefined
      ? undefined
      : destroy("merged", `its pull request #${last.number} was merged`, newestEnd(facts))
  },
}

const closed: LifeRule = {
  name: "closed and not reopened: destroy",
  says: (facts) => {
    const prs = overPrs(facts)
    const last = prs.at(-1)
    if (last === undefined || prs.some((pr) => pr.merged)) return undefined
    const over = newestEnd(facts)
    const left = over + facts.settings.closeGrace - facts.forge.at
    const reason = `its pull request #${last.number} was closed without a merge`
    return left <= 0
      ? destroy("closed", reason, over)
      : later("grace", `${reason}; it may be reopened`, facts.now + left)
  },
}

/** The rules, in order. */
export const endingRules: ReadonlyArray<LifeRule> = [oneAtATime, merged, closed, interrupted]

/** A resting bottle without an open pull request expires. Checked after all reasons to start it. */
export const expired: LifeRule = {
  name: "frozen too long: destroy",
  says: ({ bottle, runPrs, settings, now, forge }) => {
    const { frozenAt, state } = bottle ?? {}
    if ((state !== "frozen" && state !== "lost") || frozenAt === undefined) return undefined
    if (runPrs.some((pr) => pr.state === "open")) return undefined
    const until = frozenAt + settings.expire
    return until <= now
      ? destroy("expired", "it was frozen for too long without an open pull request", forge.at)
      : later("person", "it waits for a person", until)
  },
}

const destroy = (cause: Destroy["cause"], reason: string, over: number): Destroy => ({
  _tag: "Destroy",
  cause,
  reason,
  over,
})

/** The pull requests of a bottle if none of them is open, otherwise none. */
const overPrs = ({ bottle, runPrs }: Facts) =>
  bottle === undefined || runPrs.some((pr) => pr.state === "open") ? [] : runPrs

const newestEnd = ({ runPrs, forge }: Facts): number => Math.max(...runPrs.map((pr) => pr.overAt ?? forge.at))
