/** orchestrateResume: resumeHeadless of the bottle that handles an issue, with the wiring from FORGE_* variables. */
import { Effect, Option } from "effect"
import { ForgeConfigInvalid } from "../domain/Errors.ts"
import { ForgeStateStore } from "../services/ForgeStateStore.ts"
import { OPENED_PR } from "../services/Sidecar.ts"
import { awaitExit } from "./awaitExit.ts"
import { claimIssue } from "./claimIssue.ts"
import { forgeEnvironment } from "./forgeEnvironment.ts"
import type { RunEvent } from "./options.ts"
import { checkPrompt } from "./options.ts"
import { performResume, prepareResume } from "./resumeHeadless.ts"

/** What `orchestrateResume` takes. */
export interface OrchestrateResumeOptions {
  readonly slug: string
  readonly prompt: string
  readonly backend?: string
  readonly observe?: (event: RunEvent) => Effect.Effect<void>
}

/**
 * Resumes the bottle of the issue that FORGE_* names and waits for its agent. The PR that the bottle
 * opened in an earlier run stays writable, as long as it is the run's own. Fails when FORGE_* names another issue than the bottle's.
 */
export const orchestrateResume = Effect.fn("orchestrateResume")(function* ({
  slug,
  ...options
}: OrchestrateResumeOptions) {
  yield* checkPrompt(options.prompt)
  const { forgeEnv, key, namedPr } = yield* forgeEnvironment
  const rows = yield* (yield* ForgeStateStore).all
  const own = rows.find((row) => row.slug === slug && row.status !== "destroyed")
  if (
    own !== undefined &&
    !(own.owner === key.owner && own.repo === key.repo && own.issueNumber === key.issueNumber)
  ) {
    return yield* new ForgeConfigInvalid({
      variable: "FORGE_ISSUE_NUMBER",
      reason: `bottle "${slug}" handles ${own.owner}/${own.repo}#${own.issueNumber}, not ${key.owner}/${key.repo}#${key.issueNumber}`,
    })
  }
  const prepared = yield* prepareResume(slug, { ...options, forgeEnv }, Option.some(options.prompt))
  const claim = yield* claimIssue(key, prepared.bottle, namedPr)
  const withPr = {
    ...forgeEnv,
    ...(Option.isSome(claim.prNumber) && { [OPENED_PR]: String(claim.prNumber.value) }),
  }
  const resumed = { ...prepared, options: { ...prepared.options, forgeEnv: withPr } }
  yield* performResume(resumed).pipe(Effect.onError(() => Effect.ignore(claim.restore)))
  yield* awaitExit(slug, resumed.options)
})
