/** Rules for a bottle whose agent is running or has ended: when to stop and freeze it. */
import type { Facts } from "./Facts.ts"
import { DONE_GRACE, PROVIDER_REST, providerDelay } from "./LifeSettings.ts"
import type { Freeze } from "./Operation.ts"
import type { LifeRule } from "./Rule.ts"
import { later, wait } from "./Rule.ts"

const done: LifeRule = {
  name: "done: freeze",
  says: (facts) => {
    const { bottle } = facts
    return bottle?.state === "exited" && bottle.done !== undefined
      ? freeze(facts, "done", `its agent is done: ${bottle.done.status}`)
      : undefined
  },
}

const lingering: LifeRule = {
  name: "done, and running on: stop",
  says: ({ bottle, now }) => {
    if (bottle?.state !== "running" || bottle.done === undefined) return undefined
    const until = bottle.done.at + DONE_GRACE
    return until <= now
      ? { _tag: "Stop", reason: "its agent runs on after signal_done" }
      : later("agent", "its agent is done and about to end", until)
  },
}

const untargeted: LifeRule = {
  name: "no longer targeted: freeze",
  says: (facts) => {
    const { bottle, away } = facts
    const stopped = bottle?.state === "exited" && bottle.ended?.by !== "agent" && bottle.ended !== undefined
    return away !== undefined && (bottle?.state === "running" || stopped)
      ? freeze(facts, "untargeted", away.reason)
      : undefined
  },
}

const unclear: LifeRule = {
  name: "stopped by a signal: wait until it shows whether the engine ends",
  says: ({ bottle }) =>
    bottle?.state === "exited" && bottle.done === undefined && bottle.ended?.by === "unclear"
      ? wait("agent", "its agent was stopped; checking whether its engine stops too", bottle.ended.until)
      : undefined,
}

const provider: LifeRule = {
  name: "stopped by the model provider: freeze until it may go on",
  says: (facts) => {
    const { bottle, now, state } = facts
    if (bottle?.state !== "exited" || bottle.ended?.by !== "provider") return undefined
    const until = bottle.ended.until ?? now + providerDelay(state.providerStops + 1)
    return {
      ...freeze(facts, "provider", "the model provider refused its last call"),
      until: state.providerStops === 0 ? until : Math.max(until, now + PROVIDER_REST),
    }
  },
}

const incomplete: LifeRule = {
  name: "ended without done: freeze as incomplete",
  says: (facts) => {
    const { bottle, state } = facts
    if (bottle?.state !== "exited") return undefined
    return bottle.ended?.by !== "machine" || state.machineResumes > 0
      ? freeze(facts, "incomplete", "its agent ended without signal_done")
      : undefined
  },
}

const watchdog: LifeRule = {
  name: "no sign of life: freeze",
  says: (facts) => {
    const { bottle, settings, now, steadySince } = facts
    if (bottle?.state !== "running" || bottle.done !== undefined) return undefined
    const until =
      Math.max(bottle.startedAt, bottle.checkinAt ?? bottle.startedAt, steadySince) + settings.watchdog
    return until <= now
      ? freeze(facts, "watchdog", "its agent gave no sign of life")
      : later("agent", "its agent is at work", until)
  },
}

const sidecar: LifeRule = {
  name: "its sidecar died twice: freeze",
  says: (facts) =>
    facts.bottle?.state === "running" && facts.bottle.sidecar === "failed"
      ? freeze(facts, "sidecar", "its sidecar died, and again after it was launched anew")
      : undefined,
}

const spent: LifeRule = {
  name: "its time is used up: freeze",
  says: (facts) => {
    const { bottle, state, now } = facts
    const seconds = state.allowance?.seconds
    if (bottle?.state !== "running" || bottle.done !== undefined || seconds === undefined) return undefined
    const until = bottle.startedAt + seconds * 1000
    return until <= now
      ? freeze(facts, "budget", "the running time that its budget left is used up")
      : later("agent", "its agent is at work", until)
  },
}

/** The rules, in order. */
export const runningRules: ReadonlyArray<LifeRule> = [
  done,
  lingering,
  unclear,
  untargeted,
  provider,
  incomplete,
  sidecar,
  spent,
  watchdog,
]

const freeze = ({ bottle }: Facts, cause: Freeze["cause"], reason: string): Freeze => ({
  _tag: "Freeze",
  cause,
  reason,
  run: bottle?.run ?? 0,
})
