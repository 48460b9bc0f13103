/** The forge of a run: how it is reached, and what the run may do there. */
import { Effect } from "effect"
import { join } from "node:path"
import { type ForgePlace, isRepositoryOf } from "../domain/ForgeRepository.ts"
import { pushPatterns } from "../domain/PushPolicy.ts"
import { textOf } from "../files/files.ts"
import { Forges } from "../services/Forges.ts"
import type { ServedForge } from "./forge/callContext.ts"
import * as RunScope from "./forge/RunScope.ts"
import { type Planned, withPlans } from "./git/approval.ts"
import type { PushedRefs } from "./git/pushed.ts"
import type { Upstream } from "./git/Upstream.ts"
import type { ForgePart, ServedDocument } from "./SidecarDocument.ts"

/** The file that lists the pull requests that a bottle opened. */
export const prsFile = (stateDir: string): string => join(stateDir, "prs")
/** The file that lists its plans. */
export const plansFile = (stateDir: string): string => join(stateDir, "plans")

/** The forge of a run, the location of its repositories, and the pull requests that the operator named. */
export interface ReachedForge extends Planned {
  readonly part: ForgePart
  readonly place: ForgePlace
  readonly named: ReadonlyArray<number>
}

/** Reaches the forge of a run, whose comments on the issue are remembered as plans. */
export const reachForge = Effect.fnUntraced(function* (part: ForgePart, plans: string) {
  const { target, assignment } = part
  const forges = yield* Forges
  return {
    part,
    ...(yield* withPlans(yield* forges.of(target, assignment), assignment.issueNumber, plans)),
    place: { webUrl: yield* forges.webUrl(target), owner: target.owner, repo: target.repo },
    named: assignment.prNumbers ?? [],
  } satisfies ReachedForge
})

/** If the forge's own repository is behind the gate, a pull request must come from a branch that may be, and was, pushed there. */
export const runForge = Effect.fnUntraced(function* (
  { slug, stateDir }: ServedDocument,
  { part, api, place, named }: ReachedForge,
  upstreams: ReadonlyArray<Upstream>,
  pushed: PushedRefs,
) {
  const own = upstreams.filter(({ url }) => isRepositoryOf(place, url))
  const push = own.length > 0 ? own.flatMap((upstream) => upstream.push) : (part.push ?? pushPatterns(slug))
  const opened = yield* textOf(prsFile(stateDir))
  const { issueNumber, openedPrs = [], closingKeywords, base } = part.assignment
  const scope = RunScope.make({
    forge: api,
    issue: issueNumber,
    named,
    opened: [...openedPrs, ...(opened.match(/\d+/g) ?? []).map(Number)],
    push,
  })
  const forge: ServedForge = {
    api,
    host: URL.canParse(place.webUrl) ? new URL(place.webUrl).hostname : "",
    scope,
    given: [...named, ...openedPrs],
    push,
    base,
    closing: { keywords: closingKeywords, subPath: hasSubPath(place.webUrl) },
    isPushed: (branch) => own.length === 0 || own.some(({ url }) => pushed.has(url, `refs/heads/${branch}`)),
  }
  return forge
})

/** Whether a forge is served below a path of its host. Unknown counts as yes, which refuses more. */
const hasSubPath = (webUrl: string): boolean => !URL.canParse(webUrl) || new URL(webUrl).pathname !== "/"
