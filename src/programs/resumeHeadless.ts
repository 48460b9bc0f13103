/** resumeHeadless: starts a bottle again with a new prompt and waits for its agent. */
import { Effect, Option } from "effect"
import { watchOptions } from "./assignedForge.ts"
import { awaitExit } from "./awaitExit.ts"
import type { HeadlessResumeOptions } from "./options.ts"
import { performResume, prepareResume } from "./relaunch.ts"

/** Relaunches a bottle with a new prompt and waits for its agent. Fails as `startHeadless` does. */
export const resumeHeadless = Effect.fn("resumeHeadless")(function* (
  name: string,
  options: HeadlessResumeOptions,
) {
  const prepared = yield* prepareResume(name, options, Option.some(options.prompt))
  const slug = yield* performResume(prepared)
  yield* awaitExit(slug, watchOptions(options, prepared.forge))
})
