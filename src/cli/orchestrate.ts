/** `orchestrate ...`: runs and steers the service. `start`, `resume` and `assign` handle one issue, named by FORGE_* variables. */
import { Command, Options } from "@effect/cli"
import { Effect, Option } from "effect"
import { issueName } from "../domain/ForgeState.ts"
import { InvalidInput } from "../domain/Errors.ts"
import { reportFailures } from "./failure.ts"
import { groupHelp } from "./help.ts"
import { hook } from "./hook.ts"
import { open } from "./open.ts"
import { note, printJson, printLine } from "./output.ts"
import { serve } from "./serve.ts"
import { status } from "./status.ts"
import { goOn, pause, retry } from "./steer.ts"
import {
  backend,
  bottles,
  given,
  json,
  observer,
  ownBackend,
  promptOf,
  prompts,
  raw,
  slug,
  stoppedByInterrupt,
} from "./shared.ts"

const requiredPrompt = Effect.fn("requiredPrompt")(function* (options: Parameters<typeof promptOf>[0]) {
  const prompt = yield* promptOf(options)
  if (Option.isSome(prompt)) return prompt.value
  return yield* new InvalidInput({ field: "prompt", reason: "give --prompt or --prompt-file" })
})

const startSpec = {
  agent: Options.text("agent").pipe(Options.withDescription("Name of an agent manifest")),
  bottles,
  ...prompts,
  force: Options.boolean("force").pipe(Options.withDescription("Start even if the issue is closed")),
  label: Options.text("label").pipe(Options.withDescription("Label of the bottle"), Options.optional),
  backend,
  json,
  raw,
}

const start = Command.make("start", startSpec, (options) =>
  Effect.gen(function* () {
    const prompt = yield* requiredPrompt(options)
    const programs = yield* Effect.promise(() => import("./lazy/run.ts"))
    yield* stoppedByInterrupt(programs.stop)(
      (observe) =>
        programs.orchestrateStart({
          agent: options.agent,
          bottles: options.bottles,
          prompt,
          force: options.force,
          observe,
          ...given("label", options.label),
          ...given("backend", options.backend),
        }),
      observer(options),
    ).pipe(Effect.provide(programs.live))
  }).pipe(reportFailures(options.json)),
).pipe(Command.withDescription("Launch an agent on the open issue that FORGE_* names, and wait for it"))

const resumeSpec = {
  slug: Options.text("slug").pipe(Options.withDescription("Name of the bottle, or its label")),
  ...prompts,
  backend: ownBackend,
  json,
  raw,
}

const resume = Command.make("resume", resumeSpec, (options) =>
  Effect.gen(function* () {
    const prompt = yield* requiredPrompt(options)
    const programs = yield* Effect.promise(() => import("./lazy/run.ts"))
    yield* stoppedByInterrupt(programs.stop)(
      (observe) =>
        Effect.flatMap(programs.bottleNamed(options.slug), (slug) =>
          programs.orchestrateResume({ slug, prompt, observe, ...given("backend", options.backend) }),
        ),
      observer(options),
    ).pipe(Effect.provide(programs.live))
  }).pipe(reportFailures(options.json)),
).pipe(Command.withDescription("Resume the bottle of the issue that FORGE_* names, and wait for it"))

const assignSpec = {
  slug,
  forge: Options.text("forge").pipe(
    Options.withDescription("Address of the forge's API, as FORGE_GITEA_API has it"),
  ),
  json,
}

const assign = Command.make("assign", assignSpec, (options) =>
  Effect.gen(function* () {
    const { bottleNamed, live, orchestrateAssign } = yield* Effect.promise(() => import("./lazy/run.ts"))
    const assigned = Effect.flatMap(bottleNamed(options.slug), (slug) =>
      orchestrateAssign({ ...options, slug }),
    )
    const keys = yield* Effect.provide(assigned, live)
    if (options.json) return yield* printJson(keys)
    for (const key of keys) yield* note(`${options.slug} handles ${issueName(key)} at ${key.forge}`)
  }).pipe(reportFailures(options.json)),
).pipe(Command.withDescription("Set the forge of a bottle's issue, if `status` does not know it"))

/** `orchestrate ...` */
export const orchestrate = Command.make("orchestrate", {}, () => printLine(groupHelp("orchestrate"))).pipe(
  Command.withDescription("Work on the issues of a forge"),
  Command.withSubcommands([serve, status, open, pause, goOn, retry, hook, start, resume, assign]),
)
