/** targetingOf: who targeted an issue, from its timeline. */
import type { Issue } from "../../domain/Forge.ts"
import type { TimelineEntry } from "../../domain/ForgeDetails.ts"
import type { Actor, Targeting } from "../../domain/orchestrator/Observed.ts"
import { AGENT_LABEL, BOTTLE_LABEL } from "../../domain/Targeting.ts"
import { millisOf } from "./remarks.ts"

/** Labels and assignees may be missing from the timeline, for example of an imported issue: nobody answers for them. */
const UNKNOWN: Actor = { login: "somebody the timeline does not name", trusted: false, bot: false }

const isSame = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase()

/** Somebody who did something, from the view of the orchestrator's account `login`. */
export const actorOf = ({ user, userTrusted }: TimelineEntry, login: string): Actor => ({
  login: user,
  trusted: userTrusted,
  bot: isSame(user, login),
})

/**
 * Who last put each agent and bottle label on the issue and assigned each of its `bots`, and who reopened it afterwards. Whoever
 * removes a label and adds it again answers for it from then on.
 */
export const targetingOf = (
  { labels, assignees }: Pick<Issue, "labels" | "assignees">,
  bots: ReadonlyArray<string>,
  timeline: ReadonlyArray<TimelineEntry>,
  login: string,
): Targeting => {
  const newest = (is: (did: TimelineEntry["did"]) => boolean) => timeline.findLast(({ did }) => is(did))
  const causes = [
    ...labels
      .filter((label) => label.startsWith(AGENT_LABEL) || label.startsWith(BOTTLE_LABEL))
      .map((label) => newest((did) => did.kind === "labelled" && did.label === label)),
    ...assignees
      .filter((user) => bots.some((bot) => isSame(bot, user)))
      .map((user) => newest((did) => did.kind === "assigned" && isSame(did.assignee, user))),
  ]
  const known = causes.filter((entry) => entry !== undefined)
  const set = Math.max(0, ...known.map(({ id }) => id))
  const reopened = timeline.findLast(({ id, did }) => did.kind === "reopened" && id > set)
  const last = reopened ?? known.find(({ id }) => id === set)
  return {
    id: last?.id ?? 0,
    at: last === undefined ? 0 : millisOf(last.at),
    actors: [
      ...causes.map((entry) => (entry === undefined ? UNKNOWN : actorOf(entry, login))),
      ...(reopened === undefined ? [] : [actorOf(reopened, login)]),
    ],
  }
}

/** Who closed an issue, if the timeline says so. */
export const closedBy = (timeline: ReadonlyArray<TimelineEntry>, login: string): Actor | undefined => {
  const entry = timeline.findLast(({ did }) => did.kind === "closed" || did.kind === "merged")
  return entry === undefined ? undefined : actorOf(entry, login)
}
