/** `orchestrate start|resume|status`: runs on issues of the forge, wired by FORGE_* variables. */
import { Command, Options } from "@effect/cli"
import { Clock, Effect, Option, Schema } from "effect"
import { ForgeStatus } from "../domain/ForgeStatus.ts"
import { InvalidInput } from "../domain/Errors.ts"
import { reportFailures } from "./failure.ts"
import { groupHelp } from "./help.ts"
import { ago, note, printJson, printLine, table } from "./output.ts"
import {
  backend,
  bottles,
  given,
  json,
  observer,
  promptOf,
  prompts,
  raw,
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
  label: Options.text("label").pipe(Options.withDescription("What you call the bottle"), Options.optional),
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
          observe,
          ...given("label", options.label),
          ...given("backend", options.backend),
        }),
      observer(options),
    ).pipe(Effect.provide(programs.live))
  }).pipe(reportFailures(options.json)),
).pipe(Command.withDescription("Launch an agent on the issue that FORGE_* names, and wait for it"))

const resumeSpec = {
  slug: Options.text("slug").pipe(Options.withDescription("Name of the bottle")),
  ...prompts,
  backend,
  json,
  raw,
}

const resume = Command.make("resume", resumeSpec, (options) =>
  Effect.gen(function* () {
    const prompt = yield* requiredPrompt(options)
    const programs = yield* Effect.promise(() => import("./lazy/run.ts"))
    yield* stoppedByInterrupt(programs.stop)(
      (observe) =>
        programs.orchestrateResume({
          slug: options.slug,
          prompt,
          observe,
          ...given("backend", options.backend),
        }),
      observer(options),
    ).pipe(Effect.provide(programs.live))
  }).pipe(reportFailures(options.json)),
).pipe(Command.withDescription("Resume the bottle of the issue that FORGE_* names, and wait for it"))

const all = Options.boolean("all").pipe(Options.withDescription("Show destroyed ones too"))

const status = Command.make("status", { all, json }, (options) =>
  Effect.gen(function* () {
    const { live, orchestrateStatus } = yield* Effect.promise(() => import("./lazy/status.ts"))
    const issues = yield* Effect.provide(orchestrateStatus({ all: options.all }), live)
    if (options.json) return yield* printJson(Schema.encodeSync(Schema.Array(ForgeStatus))(issues))
    if (issues.length === 0) return yield* note("no issue is being handled")
    const now = yield* Clock.currentTimeMillis
    yield* printLine(
      table(
        ["ISSUE", "PR", "SLUG", "AGENT", "STATUS", "LAST CHECK-IN"],
        issues.map((row) => [
          row.issueUrl,
          Option.getOrElse(row.prUrl, () => "-"),
          row.slug,
          row.agent,
          row.status,
          ago(row.lastCheckinAt, now),
        ]),
      ),
    )
  }).pipe(reportFailures(options.json)),
).pipe(Command.withDescription("Show which bottle handles which issue"))

/** `orchestrate ...` */
export const orchestrate = Command.make("orchestrate", {}, () => printLine(groupHelp("orchestrate"))).pipe(
  Command.withDescription("Runs on issues of the forge"),
  Command.withSubcommands([start, resume, status]),
)
