/** startHeadless: launches an agent on a prompt and waits for it. */
import { Effect } from "effect"
import { awaitExit } from "./awaitExit.ts"
import { launch } from "./launch.ts"
import type { HeadlessOptions } from "./options.ts"

/**
 * Launches an agent on a prompt and waits for its end; answers the slug, and fails with `AgentExited`
 * when the agent's exit code is not 0. The bottle stays, exited, until `freeze` or `destroy`.
 */
export const startHeadless = Effect.fn("startHeadless")(function* (agent: string, options: HeadlessOptions) {
  const slug = yield* launch(agent, options)
  yield* awaitExit(slug, options)
  return slug
})
