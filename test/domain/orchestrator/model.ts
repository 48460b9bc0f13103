/**
 * What must come of a history, said apart from `decide` and without its code: which state an issue must rest in given the forge's
 * final state, and for each thing that was done, whether the world at that moment called for it.
 */
import type { Deed, Snapshot } from "./worldState.ts"

/** A history that came to rest. */
export interface Lived {
  readonly final: Snapshot
  readonly deeds: ReadonlyArray<Deed>
  /** Pull requests of the newest bottle, also of one that is gone. */
  readonly lastPrs: ReadonlyArray<number>
  /** When a bottle was removed by hand, by the forge's clock. */
  readonly removedAt: number | undefined
  /** How many deeds there were then. */
  readonly removedAfter: number
  readonly settings: { readonly ciFeedback: number; readonly onConflict: string; readonly resumeOn: string }
}

type Forge = Snapshot["forge"]
type Start = Extract<Deed["operation"], { readonly _tag: "Launch" | "Resume" }>

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
const KNOWN: ReadonlySet<string> = new Set(["carpenter", "mason"])

/** The state that the issue must rest in. */
export const finalState = (lived: Lived): "no bottle" | "frozen" => {
  const { final, deeds } = lived
  const launched = deeds.findLastIndex(({ ok, operation }) => ok && operation._tag === "Launch")
  const removed = deeds.some((deed, n) => n > launched && deed.ok && deed.operation._tag === "Destroy")
  const byHand = lived.removedAfter > launched && lived.removedAt !== undefined
  const alive = launched >= 0 && !removed && !byHand && !prsOver(final.forge, lived.lastPrs)
  return alive || (wantsBottle(lived) && !stuck(lived)) ? "frozen" : "no bottle"
}

/** How a bottle rests. What the machine stopped waits for its resume as it is, when nothing may start. */
export const restOf = (bottle: Snapshot["bottle"], lived: Lived): string => {
  if (bottle === undefined) return "no bottle"
  const waits = bottle.state === "exited" && bottle.ended?.by === "machine" && stuck(lived)
  return waits || bottle.state === "lost" ? "frozen" : bottle.state
}

/** What was done without a reason, and what was left undone. */
export const wrongs = (lived: Lived): ReadonlyArray<string> => [
  ...lived.deeds.flatMap((deed, n) => {
    const wrong = wrongOf(lived, deed, lived.deeds.slice(0, n))
    return wrong === "" ? [] : [`${deed.operation._tag} ${JSON.stringify(deed.operation)}: ${wrong}`]
  }),
  ...impatience(lived.deeds),
  ...undone(lived),
]

const prsOver = (forge: Forge, numbers: ReadonlyArray<number>): boolean =>
  numbers.length > 0 && forge.prs.every((pr) => !numbers.includes(pr.number) || pr.state === "closed")

const goesOn = (forge: Forge, agent: string): boolean =>
  forge.exists && (forge.open || forge.closedBy !== "ada") && forge.labels[0] === agent && forge.assigned

const mayGoOnLater = (forge: Forge, agent: string): boolean => goesOn(forge, agent) && !forge.undecidable

const asksForAgent = (forge: Forge): boolean =>
  forge.exists &&
  forge.open &&
  forge.assigned &&
  !forge.undecidable &&
  !forge.fork &&
  KNOWN.has(forge.labels[0] ?? "") &&
  (!forge.readable || [forge.labelBy, forge.assignBy, forge.reopenBy ?? "ada"].every((who) => who === "ada"))

/** When the bottle before was over, by the forge's clock; 0 when there was none. */
const overBefore = (deeds: ReadonlyArray<Deed>, removedAt = 0): number => {
  const destroyed = deeds.findLast(({ ok, operation }) => ok && operation._tag === "Destroy")
  if (destroyed === undefined) return removedAt
  const { before } = destroyed
  const mine = before.forge.prs.filter(({ number }) => before.bottle?.prs.includes(number))
  const ends = mine.map((pr) => (pr.state === "open" ? Number.NaN : (pr.overAt ?? 0)))
  const end = Math.max(...ends)
  return Math.max(mine.length === 0 || Number.isNaN(end) ? before.forgeNow : end, removedAt)
}

const startsOf = (deeds: ReadonlyArray<Deed>): ReadonlyArray<Start> =>
  deeds.flatMap(({ ok, operation }) =>
    ok && (operation._tag === "Launch" || operation._tag === "Resume") ? [operation] : [],
  )

const askedLater = (forge: Forge, deeds: ReadonlyArray<Deed>, removedAt?: number): boolean => {
  const over = overBefore(deeds, removedAt)
  if (over === 0 || !forge.readable) return true
  return forge.targetingId !== startsOf(deeds).at(-1)?.targeting && forge.targetedAt >= over
}

const wantsBottle = ({ final: { forge }, deeds, removedAt }: Lived): boolean =>
  asksForAgent(forge) && !forge.dependency && forge.readable && askedLater(forge, deeds, removedAt)

/** Whether nothing starts any more until a person acts. */
const stuck = ({ final, deeds }: Lived): boolean => {
  if (final.machine.setAside) return true
  const last = deeds.findLastIndex(({ ok }) => ok)
  const tries = deeds
    .slice(last + 1)
    .filter(({ operation }) => key(operation) === key(deeds.at(-1)?.operation))
  return tries.length >= 3
}

const key = (operation: Deed["operation"] | undefined): string =>
  operation === undefined || (operation._tag !== "Launch" && operation._tag !== "Resume")
    ? (operation?._tag ?? "")
    : JSON.stringify([
        operation._tag,
        operation.targeting,
        ...("cause" in operation ? [operation.cause, operation.head, operation.consumes] : []),
      ])

/** No start more than three times, nothing again at once. */
const impatience = (deeds: ReadonlyArray<Deed>): ReadonlyArray<string> => {
  const wrong: Array<string> = []
  let streak = { of: "", count: 0, at: 0 }
  for (const { ok, operation, at } of deeds) {
    const of = key(operation)
    if (streak.of === of && streak.count > 0) {
      if (at - streak.at < MINUTE * 5 ** (streak.count - 1) && at - streak.at < 60 * MINUTE)
        wrong.push(`${of} again after ${at - streak.at} ms`)
      if (streak.count >= 3 && /Launch|Resume/.test(of)) wrong.push(`${of} more than three times`)
    }
    streak = ok ? { of: "", count: 0, at } : { of, count: streak.of === of ? streak.count + 1 : 1, at }
  }
  return wrong
}

const used = (deeds: ReadonlyArray<Deed>): ReadonlySet<string> =>
  new Set(
    startsOf(deeds).flatMap(({ consumes }) => consumes.map((it) => `${it.kind} ${it.id} ${it.updatedAt}`)),
  )

const unread = ({ forge, bottle }: Snapshot, deeds: ReadonlyArray<Deed>) => {
  const seen = used(deeds)
  return forge.remarks.filter(
    (remark) =>
      remark.who === "ada" &&
      (remark.on === 7 || bottle?.prs.includes(remark.on) === true) &&
      remark.dismissed !== true &&
      (remark.body.trim() !== "" || remark.lines.length > 0) &&
      !seen.has(`${remark.kind} ${remark.id} ${remark.updatedAt}`),
  )
}

/** Remarks that a resting bottle has to answer. */
const calling = (now: Snapshot, deeds: ReadonlyArray<Deed>, { settings }: Pick<Lived, "settings">) =>
  unread(now, deeds).filter((remark) => {
    const { status } = now.bottle?.done ?? {}
    const fine = (status === "success" || status === "no_change") && (now.bottle?.prs.length ?? 0) > 0
    if (remark.on === 7 && fine) return false
    return settings.resumeOn === "any" || /(^|\s)@bot(\s|$)/.test(remark.body)
  })

const lastFreeze = (deeds: ReadonlyArray<Deed>) => {
  const starts = deeds.findLastIndex(({ ok, operation }) => ok && /Launch|Resume/.test(operation._tag))
  return deeds.slice(starts + 1).find(({ ok, operation }) => ok && operation._tag === "Freeze")
}

const feedbackSince = (deeds: ReadonlyArray<Deed>): ReadonlyArray<Start> => {
  const starts = startsOf(deeds)
  const spoken = starts.findLastIndex(
    (it) => it._tag === "Launch" || it.cause === "remarks" || it.cause === "targeted",
  )
  return starts.slice(spoken + 1).filter((it) => it._tag === "Resume" && it.head !== undefined)
}

const headsFor = (cause: "checks" | "conflict", deeds: ReadonlyArray<Deed>): ReadonlyArray<string> => {
  const starts = startsOf(deeds)
  return starts
    .slice(starts.findLastIndex((it) => it._tag === "Launch"))
    .flatMap((it) => (it._tag === "Resume" && it.cause === cause && it.head ? [it.head.sha] : []))
}

const failing = (now: Snapshot, deeds: ReadonlyArray<Deed>, { settings }: Pick<Lived, "settings">) =>
  feedbackSince(deeds).length < settings.ciFeedback &&
  now.forge.prs.some(
    (pr) =>
      now.bottle?.prs.includes(pr.number) === true &&
      pr.state === "open" &&
      pr.headOfRun &&
      pr.checks === "failure" &&
      !headsFor("checks", deeds).includes(pr.head),
  )

const stuckInConflict = (now: Snapshot, deeds: ReadonlyArray<Deed>, { settings }: Pick<Lived, "settings">) =>
  settings.onConflict === "resume" &&
  feedbackSince(deeds).length < (settings.ciFeedback || 3) &&
  now.forge.prs.some(
    (pr) =>
      now.bottle?.prs.includes(pr.number) === true &&
      pr.state === "open" &&
      pr.headOfRun &&
      !pr.mergeable &&
      !pr.draft &&
      !headsFor("conflict", deeds).includes(pr.head),
  )

const wrongOf = (lived: Lived, { operation, before }: Deed, earlier: ReadonlyArray<Deed>): string => {
  switch (operation._tag) {
    case "Launch":
      return wrongStart(operation, before, earlier) || wrongLaunch(lived, before, earlier)
    case "Resume":
      return wrongStart(operation, before, earlier) || wrongResume(lived, operation, before, earlier)
    case "Stop":
      return before.bottle?.done !== undefined && before.now - before.bottle.done.at >= MINUTE
        ? ""
        : "not done for a minute"
    case "Freeze":
      return wrongFreeze(operation.cause, before, earlier)
    case "Destroy":
      return wrongDestroy(before)
  }
}

const wrongStart = (start: Start, before: Snapshot, earlier: ReadonlyArray<Deed>): string => {
  const { machine, now } = before
  if (machine.paused || machine.full || !machine.turn || !machine.costKnown || machine.setAside)
    return "no room"
  if (machine.routeUntil > now) return "the route rests"
  const given = start.consumes.map(({ id }) => id)
  const due = unread(before, earlier).map(({ id }) => id)
  return JSON.stringify([...given].sort()) === JSON.stringify([...due].sort())
    ? ""
    : `given ${given.join()}, due ${due.join()}`
}

const wrongLaunch = (
  { removedAt, removedAfter }: Lived,
  { forge, bottle }: Snapshot,
  earlier: ReadonlyArray<Deed>,
): string => {
  if (bottle !== undefined) return "there is a bottle"
  if (!asksForAgent(forge)) return "no target"
  if (forge.dependency) return "open dependency"
  const byHand = earlier.length >= removedAfter ? removedAt : undefined
  return askedLater(forge, earlier, byHand) ? "" : "not asked for again"
}

const wrongResume = (
  lived: Lived,
  { cause }: Start & { _tag: "Resume" },
  now: Snapshot,
  earlier: ReadonlyArray<Deed>,
): string => {
  const { bottle, forge } = now
  if (bottle === undefined) return "no bottle"
  if (!mayGoOnLater(forge, bottle.agent)) return "no target"
  if (cause === "machine")
    return bottle.state === "exited" &&
      bottle.ended?.by === "machine" &&
      now.now >= now.machine.unclearUntil &&
      !resumedForMachine(earlier)
      ? ""
      : "no first stop by the machine"
  if (bottle.state !== "frozen") return `it is ${bottle.state}`
  const freeze = lastFreeze(earlier)
  if (cause === "provider") {
    const { ended } = freeze?.before.bottle ?? {}
    const last = startsOf(earlier).at(-1)
    const again = last?._tag === "Resume" && last.cause === "provider"
    const earliest = Math.max(ended?.until ?? 0, (freeze?.before.now ?? 0) + (again ? 5 * MINUTE : 0))
    return ended?.by === "provider" && now.now >= earliest ? "" : "the provider rests"
  }
  const cutOff = freeze !== undefined && wasCutOff(freeze)
  if (cause === "targeted") return cutOff && asksForAgent(forge) ? "" : "not targeted again"
  if (cause === "decided") return decidedFor(bottle) && !cutOff ? "" : "nothing was decided"
  if (cause === "remarks") {
    const newest = Math.max(...calling(now, earlier, lived).map(({ updatedAt }) => updatedAt))
    return newest > 0 && now.forgeNow - newest >= MINUTE && !cutOff ? "" : "nobody waits for an answer"
  }
  if (cause === "checks") return failing(now, earlier, lived) ? "" : "no check failed"
  return stuckInConflict(now, earlier, lived) ? "" : "no conflict"
}

/** Whether a person decided what an agent asked for that could not go on. */
const decidedFor = ({ decided = 0, done }: NonNullable<Snapshot["bottle"]>): boolean =>
  decided > 0 && !["success", "no_change"].includes(done?.status ?? "")

const resumedForMachine = (earlier: ReadonlyArray<Deed>): boolean => {
  const last = startsOf(earlier).at(-1)
  return last?._tag === "Resume" && last.cause === "machine"
}

/** How long the newest run may take. */
const timeOf = (earlier: ReadonlyArray<Deed>): number => {
  const last = earlier.findLast(({ ok, operation }) => ok && /Launch|Resume/.test(operation._tag))
  return last !== undefined && last.before.machine.seconds > 0 ? 20 * MINUTE : Number.POSITIVE_INFINITY
}

/** Frozen in the middle of its work because nobody asked for it any more. */
const wasCutOff = ({ before: { bottle, forge } }: Deed): boolean =>
  bottle !== undefined &&
  !goesOn(forge, bottle.agent) &&
  (bottle.state === "running" ||
    (bottle.state === "exited" && bottle.done === undefined && bottle.ended?.by !== "agent"))

const wrongFreeze = (
  cause: string,
  { bottle, forge, machine, now, steadySince }: Snapshot,
  earlier: ReadonlyArray<Deed>,
): string => {
  if (bottle === undefined) return "no bottle"
  const by = bottle.state === "exited" ? bottle.ended?.by : "running"
  const signs = Math.max(bottle.startedAt, bottle.checkinAt ?? 0, steadySince)
  const right =
    by === "running"
      ? !goesOn(forge, bottle.agent)
        ? "untargeted"
        : bottle.sidecar === "failed"
          ? "sidecar"
          : bottle.done === undefined && now - bottle.startedAt >= timeOf(earlier)
            ? "budget"
            : bottle.done === undefined && now - signs >= 30 * MINUTE
              ? "watchdog"
              : "nothing"
      : bottle.done !== undefined
        ? "done"
        : now < machine.unclearUntil
          ? "nothing"
          : by !== "agent" && !goesOn(forge, bottle.agent)
            ? "untargeted"
            : by === "provider"
              ? "provider"
              : by === "machine" && !resumedForMachine(earlier)
                ? "nothing"
                : "incomplete"
  return right === cause ? "" : `the reason is ${right}`
}

const wrongDestroy = ({ bottle, forge, forgeNow, now }: Snapshot): string => {
  if (bottle === undefined) return "no bottle"
  if (bottle.state === "destroying") return ""
  const mine = forge.prs.filter(({ number }) => bottle.prs.includes(number))
  if (mine.some(({ state }) => state === "open")) return "a pull request is open"
  if (mine.some(({ merged }) => merged)) return ""
  if (mine.length > 0 && mine.every(({ overAt = 0 }) => forgeNow - overAt >= 10 * MINUTE)) return ""
  const old = bottle.frozenAt !== undefined && now - bottle.frozenAt >= 30 * DAY
  return old ? "" : "nothing is over"
}

/** What a bottle that rests still had to do. */
const undone = (lived: Lived): ReadonlyArray<string> => {
  const { final, deeds } = lived
  const { bottle, forge } = final
  if (bottle === undefined || bottle.state === "lost" || stuck(lived)) return []
  if (
    bottle.frozenAt !== undefined &&
    final.now - bottle.frozenAt > 31 * DAY &&
    !forge.prs.some((pr) => bottle.prs.includes(pr.number) && pr.state === "open")
  )
    return ["kept for ever"]
  const freeze = lastFreeze(deeds)
  const cutOff = freeze !== undefined && wasCutOff(freeze)
  if (cutOff)
    return asksForAgent(forge) && goesOn(forge, bottle.agent) ? ["targeted again, and not resumed"] : []
  if (!mayGoOnLater(forge, bottle.agent)) return []
  return [
    ...(freeze?.operation._tag === "Freeze" && freeze.operation.cause === "provider"
      ? ["never went on after the provider"]
      : []),
    ...(decidedFor(bottle) ? ["a decision was not used"] : []),
    ...(calling(final, deeds, lived).length > 0 ? ["a person was not heard"] : []),
    ...(failing(final, deeds, lived) ? ["checks failed, and nothing followed"] : []),
    ...(stuckInConflict(final, deeds, lived) ? ["in conflict, and nothing followed"] : []),
  ]
}
