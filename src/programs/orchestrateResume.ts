/** orchestrateResume: resumeHeadless for the bottle that handles an issue, with the forge from FORGE_* variables. */
import { Effect, Option } from "effect"
import type { AssignedForge } from "../domain/Assignment.ts"
import { ForgeConfigInvalid } from "../domain/Errors.ts"
import { isAbout, issueName } from "../domain/ForgeState.ts"
import type { ForgeState, ForgeStateKey } from "../domain/ForgeState.ts"
import { ForgeStateStore } from "../services/ForgeStateStore.ts"
import { awaitExit } from "./awaitExit.ts"
import { claimIssue, namedPrOf } from "./claimIssue.ts"
import { forgeEnvironment } from "./forgeEnvironment.ts"
import { openIssue } from "./openIssue.ts"
import type { RunEvent } from "./options.ts"
import { checkPrompt } from "./options.ts"
import { performResume, prepareResume } from "./relaunch.ts"

/** Options of `orchestrateResume`. */
export interface OrchestrateResumeOptions {
  readonly slug: string
  readonly prompt: string
  readonly backend?: string
  /** The forge and the issue as values; FORGE_* of the current `ConfigProvider` unless given. */
  readonly forge?: AssignedForge
  readonly observe?: (event: RunEvent) => Effect.Effect<void>
}

/**
 * Resumes the bottle of the issue that FORGE_* names and waits for its agent. The pull request that the bottle opened in an earlier run
 * stays writable if it is the run's own. Fails when FORGE_* names another issue than the bottle's, and when the issue cannot be read. A
 * closed issue is only a warning, since a run may follow a merge.
 */
export const orchestrateResume = Effect.fn("orchestrateResume")(function* ({
  slug,
  forge: given,
  ...options
}: OrchestrateResumeOptions) {
  yield* checkPrompt(options.prompt)
  const { forge, key } = yield* forgeEnvironment(given)
  const rows = yield* (yield* ForgeStateStore).all
  const own = rows.find((row) => row.slug === slug && row.status !== "destroyed")
  if (own !== undefined) yield* requireSame(own, key)
  const prepared = yield* prepareResume(slug, { ...options, forge }, Option.some(options.prompt))
  const { issue, agentGitUser } = yield* openIssue(forge, key)
  if (issue.state === "closed") yield* Effect.logWarning(`${issueName(key)} is closed`)
  const claim = yield* claimIssue(own ?? key, prepared.bottle, { namedPr: namedPrOf(forge), agentGitUser })
  const { target, assignment } = forge
  const resumed = {
    ...prepared,
    forge: { target, assignment: { ...assignment, openedPrs: Option.toArray(claim.prNumber) } },
  }
  yield* performResume(resumed).pipe(Effect.onError(() => Effect.ignore(claim.restore)))
  yield* awaitExit(slug, { ...options, forge: resumed.forge })
})

/** Whether FORGE_* names the issue of the bottle's row. */
const requireSame = Effect.fn("requireSame")(function* (own: ForgeState, key: ForgeStateKey) {
  if (!isAbout(own, key)) {
    const variable = own.forge !== "" && own.forge !== key.forge ? "FORGE_GITEA_API" : "FORGE_ISSUE_NUMBER"
    const at = (it: ForgeStateKey) => (it.forge === "" ? issueName(it) : `${issueName(it)} at ${it.forge}`)
    return yield* new ForgeConfigInvalid({
      variable,
      reason: `bottle "${own.slug}" handles ${at(own)}, not ${at(key)}`,
    })
  }
  if (own.forge !== "") return
  return yield* new ForgeConfigInvalid({
    variable: "FORGE_GITEA_API",
    reason: `the forge of bottle "${own.slug}" is not known: "bot-bottle orchestrate assign ${own.slug} --forge ${key.forge}" sets it`,
  })
})
