/** `resume SLUG`: starts a bottle again from where it stopped. */
import { Command } from "@effect/cli"
import { Effect, Option } from "effect"
import { reportFailures } from "./failure.ts"
import { confirmPlan, printPlan } from "./plan.ts"
import {
  given,
  headlessPrompt,
  needTerminal,
  observer,
  onTerminal,
  ownBackend,
  runOptions,
  slug,
  stoppedByInterrupt,
} from "./shared.ts"

const spec = { slug, ...runOptions, backend: ownBackend }

/** `resume SLUG` */
export const resume = Command.make("resume", spec, (options) =>
  run(options).pipe(reportFailures(options.json)),
).pipe(Command.withDescription("Start a bottle again where it stopped, with a new prompt"))

const run = Effect.fn("cli.resume")(function* (options: Command.Command.ParseConfig<typeof spec>) {
  const prompt = yield* headlessPrompt(options)
  const programs = yield* Effect.promise(() => import("./lazy/run.ts"))
  const again = given("backend", options.backend)
  const slug = yield* Effect.provide(programs.bottleNamed(options.slug), programs.live)
  if (options.dryRun) {
    const prepared = yield* Effect.provide(programs.prepareResume(slug, again, prompt), programs.live)
    const plan = yield* Effect.provide(programs.planResume(prepared), programs.lookups)
    return yield* printPlan(
      plan,
      programs.agreeToKeys(prepared.run.bottle, { hasForge: false }),
      options.json,
    )
  }
  if (Option.isSome(prompt)) {
    return yield* stoppedByInterrupt(programs.stop)(
      (observe) =>
        programs.resumeHeadless(slug, {
          ...again,
          prompt: prompt.value,
          registerKeys: options.yes,
          observe,
        }),
      observer(options),
    ).pipe(Effect.provide(programs.live))
  }
  yield* needTerminal
  yield* onTerminal((observe) =>
    programs.resumeInteractive(slug, { ...again, observe }, (plan) => confirmPlan(plan, options.yes)),
  ).pipe(Effect.provide(programs.live))
})
