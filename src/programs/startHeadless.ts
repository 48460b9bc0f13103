/** startHeadless: launches an agent on a prompt and waits for it. */
import { Effect, Option } from "effect"
import { watchOptions } from "./assignedForge.ts"
import { awaitExit } from "./awaitExit.ts"
import { performStart, prepareStart } from "./launch.ts"
import type { HeadlessOptions } from "./options.ts"

/**
 * Launches an agent on a prompt and waits for its end. Returns the slug, and fails with `AgentExited` when the agent's exit code is not
 * 0. The bottle stays, exited, until `freeze` or `destroy`.
 */
export const startHeadless = Effect.fn("startHeadless")(function* (agent: string, options: HeadlessOptions) {
  const prepared = yield* prepareStart(agent, options, Option.some(options.prompt))
  const slug = yield* performStart(prepared)
  yield* awaitExit(slug, watchOptions(options, prepared.forge))
  return slug
})
