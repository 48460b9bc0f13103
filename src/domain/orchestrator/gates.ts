/** Rules that make a start wait although there is a reason for it. */
import { MAX_TRIES } from "./LifeSettings.ts"
import type { Facts } from "./Facts.ts"
import type { GateRule, PaceRule } from "./Rule.ts"
import { wait } from "./Rule.ts"
import { causeOf } from "./settle.ts"

/** The rules, in order. */
export const gateRules: ReadonlyArray<GateRule> = [
  {
    name: "gate: targeted after its newest bottle was over",
    says: (facts, start) =>
      start._tag === "Launch" && !targetedLater(facts)
        ? wait("over", "its work is over, and it was not targeted again since")
        : undefined,
  },
  {
    name: "gate: set aside",
    says: ({ state }) =>
      state.setAside === null ? undefined : wait("set-aside", `it was set aside: ${state.setAside}`),
  },
  {
    name: "gate: paused",
    says: ({ settings }) => (settings.paused ? wait("paused", "the orchestrator is paused") : undefined),
  },
  {
    name: "gate: the artifact is gone",
    says: ({ bottle }, start) =>
      start._tag === "Resume" && bottle?.state === "lost"
        ? wait("lost", `the artifact of ${bottle.slug} is gone: destroy it, then target the issue again`)
        : undefined,
  },
  {
    name: "gate: open dependencies",
    says: ({ forge: { dependencies } }, start) =>
      start._tag === "Resume" || dependencies === "none"
        ? undefined
        : wait(
            "dependencies",
            dependencies === "open"
              ? "issues that it depends on are open"
              : "the forge does not say whether issues that it depends on are open",
          ),
  },
  {
    name: "gate: three tries",
    says: ({ state: { failures } }, start) =>
      failures !== null && failures.of === causeOf(start) && failures.count >= MAX_TRIES
        ? wait("gave-up", `${start._tag.toLowerCase()} failed ${failures.count} times: ${failures.problem}`)
        : undefined,
  },
  {
    name: "gate: the model provider's route rests",
    says: ({ capacity: { routeUntil }, now }) =>
      routeUntil !== undefined && routeUntil > now
        ? wait("provider", "the model provider refuses calls", routeUntil)
        : undefined,
  },
  {
    name: "gate: cost must be known where it is limited",
    says: ({ capacity: { costKnown, bounds } }) =>
      !costKnown && bounds.some(({ what }) => what === "cost")
        ? wait(
            "limit",
            "there is a budget of money, and the price of a model that it uses, or that a counted run used, is not known: prices.yaml can name it",
          )
        : undefined,
  },
  {
    name: "gate: limits and budgets",
    says: ({ capacity: { bounds } }) => {
      const full = bounds.find(({ used, limit }) => used >= limit)
      return full === undefined
        ? undefined
        : wait("limit", `${full.of} is at its limit: ${full.used} of ${full.limit} ${full.what}`, full.until)
    },
  },
  {
    name: "gate: in turn",
    says: ({ capacity }) => (capacity.turn ? undefined : wait("turn", "other issues come first")),
  },
]

/** Checked for every operation. */
export const paceRules: ReadonlyArray<PaceRule> = [
  {
    name: "pace: what failed is not tried again at once",
    says: ({ state: { failures }, now }, operation) =>
      failures !== null && failures.of === causeOf(operation) && failures.notBefore > now
        ? wait("back-off", `${operation._tag.toLowerCase()} failed: ${failures.problem}`, failures.notBefore)
        : undefined,
  },
]

/**
 * Whether the issue was targeted after its newest bottle ended. The same second counts as later: the targeting that launched that
 * bottle is known by its ID.
 */
const targetedLater = ({ state, forge: { targeting } }: Facts): boolean => {
  if (state.over === null) return true
  if (targeting === undefined) return state.away
  return targeting.id !== state.targeting && targeting.at >= state.over
}
