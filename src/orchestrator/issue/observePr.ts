/** observePr: a pull request with its merge state, its checks and who pushed its head. */
import { Effect } from "effect"
import { stateOfChecks } from "../../domain/ForgeDetails.ts"
import type { LifeSettings } from "../../domain/orchestrator/LifeSettings.ts"
import type { ObservedPr } from "../../domain/orchestrator/Observed.ts"
import type { ForgeReads } from "../../services/Forge.ts"
import { millisOf } from "./remarks.ts"

/** Checks are read if the agent is to be told about them; who pushed, if that decides something. */
export const observePr = Effect.fn("observePr")(function* (
  api: ForgeReads,
  number: number,
  { ciFeedback, onConflict }: Pick<LifeSettings, "ciFeedback" | "onConflict">,
  login: string,
) {
  const pr = yield* api.readPrDetails(number)
  const { state, merged, draft, headSha, baseSha, mergeable, overAt } = pr
  const isOpen = state === "open"
  const read = isOpen && ciFeedback > 0 ? yield* api.readChecks(number) : undefined
  // There was a push in between: the next look reads both for one head.
  const checks = read?.head === headSha ? read.checks : []
  const together = stateOfChecks(checks)
  const matters = isOpen && (together === "failure" || (onConflict === "resume" && !mergeable && !draft))
  return {
    number,
    state,
    merged,
    draft,
    ...(overAt !== "" && { overAt: millisOf(overAt) }),
    head: headSha,
    base: baseSha,
    headOfRun: matters && (yield* isPushedBy(api, number, pr.author, login)),
    mergeable,
    checks: together,
    failedChecks: checks
      .filter((check) => check.state === "failure")
      .map(({ name, description, link }) => ({ name, description, link, log: "" })),
  } satisfies ObservedPr
})

/** The first push is the author's; a timeline lists later ones. */
const isPushedBy = Effect.fnUntraced(function* (
  api: ForgeReads,
  number: number,
  author: string,
  login: string,
) {
  const pushed = (yield* api.timeline(number)).findLast(({ did }) => did.kind === "pushed")
  return login !== "" && (pushed?.user ?? author).toLowerCase() === login.toLowerCase()
})
