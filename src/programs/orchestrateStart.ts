/** orchestrateStart: startHeadless on an issue of the forge, with the wiring from FORGE_* variables. */
import { Effect, Option } from "effect"
import { awaitExit } from "./awaitExit.ts"
import { claimIssue } from "./claimIssue.ts"
import { forgeEnvironment } from "./forgeEnvironment.ts"
import { performStart, prepareStart } from "./launch.ts"
import type { RunEvent } from "./options.ts"

/** What `orchestrateStart` takes. */
export interface OrchestrateStartOptions {
  readonly agent: string
  readonly bottles?: ReadonlyArray<string>
  readonly prompt: string
  readonly label?: string
  readonly backend?: string
  readonly observe?: (event: RunEvent) => Effect.Effect<void>
}

/**
 * Claims the issue that FORGE_* names, launches the agent on it and waits for its end; answers the slug.
 * Fails with `AlreadyHandled` when a live bottle handles the issue; a failed launch restores its row.
 */
export const orchestrateStart = Effect.fn("orchestrateStart")(function* ({
  agent,
  ...options
}: OrchestrateStartOptions) {
  const { forgeEnv, key, namedPr } = yield* forgeEnvironment
  const prepared = yield* prepareStart(agent, { ...options, forgeEnv }, Option.some(options.prompt))
  const slug = yield* performStart(prepared, (bottle) =>
    Effect.map(claimIssue(key, bottle, namedPr), (claim) => claim.restore),
  )
  yield* awaitExit(slug, { ...options, forgeEnv })
  return slug
})
