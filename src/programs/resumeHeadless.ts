/** resumeHeadless: starts a bottle again with a new prompt and waits for its agent. */
import { Effect } from "effect"
import { awaitExit } from "./awaitExit.ts"
import type { HeadlessResumeOptions } from "./options.ts"
import { relaunch } from "./relaunch.ts"

/** Relaunches a bottle with a new prompt and waits for its agent's end; fails as `startHeadless` does. */
export const resumeHeadless = Effect.fn("resumeHeadless")(function* (
  name: string,
  options: HeadlessResumeOptions,
) {
  const slug = yield* relaunch(name, options)
  yield* awaitExit(slug, options)
})
