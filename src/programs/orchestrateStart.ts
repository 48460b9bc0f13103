/** orchestrateStart: startHeadless on an issue of the forge, with the forge from FORGE_* variables. */
import { Effect, Option } from "effect"
import type { AssignedForge } from "../domain/Assignment.ts"
import { IssueClosed } from "../domain/Errors.ts"
import { awaitExit } from "./awaitExit.ts"
import { claimIssue, namedPrOf } from "./claimIssue.ts"
import { forgeEnvironment } from "./forgeEnvironment.ts"
import { performStart, prepareStart } from "./launch.ts"
import { openIssue } from "./openIssue.ts"
import type { RunEvent } from "./options.ts"

/** Options of `orchestrateStart`. */
export interface OrchestrateStartOptions {
  readonly agent: string
  readonly bottles?: ReadonlyArray<string>
  readonly prompt: string
  readonly label?: string
  readonly backend?: string
  /** The forge and the issue as values; FORGE_* of the current `ConfigProvider` unless given. */
  readonly forge?: AssignedForge
  /** Start even if the issue is closed. */
  readonly force?: boolean
  readonly observe?: (event: RunEvent) => Effect.Effect<void>
}

/**
 * Reads the issue that FORGE_* names, claims it, launches the agent on it and waits for its end. Returns the slug. An issue that cannot
 * be read, or is closed (`IssueClosed`), is refused before anything is created. Fails with `AlreadyHandled` when a live bottle handles
 * the issue. A failed launch restores the issue's row.
 */
export const orchestrateStart = Effect.fn("orchestrateStart")(function* ({
  agent,
  force = false,
  forge: given,
  ...options
}: OrchestrateStartOptions) {
  const { forge, key } = yield* forgeEnvironment(given)
  const prepared = yield* prepareStart(agent, { ...options, forge }, Option.some(options.prompt))
  const { issue, agentGitUser } = yield* openIssue(forge, key)
  if (issue.state === "closed" && !force) return yield* new IssueClosed(key)
  const slug = yield* performStart(prepared, (bottle) =>
    Effect.map(
      claimIssue(key, bottle, { namedPr: namedPrOf(forge), agentGitUser }),
      (claim) => claim.restore,
    ),
  )
  yield* awaitExit(slug, { ...options, forge })
  return slug
})
