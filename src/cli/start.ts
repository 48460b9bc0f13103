/** `start AGENT`: launches an agent in a bottle, headless with a prompt or on this terminal. */
import { Args, Command, Options } from "@effect/cli"
import { Effect, Option } from "effect"
import { InvalidInput } from "../domain/Errors.ts"
import { confirmPlan, printPlan } from "./plan.ts"
import { COLOURS } from "./colours.ts"
import { reportFailures } from "./failure.ts"
import {
  bottles,
  given,
  headlessPrompt,
  isOnTerminal,
  needTerminal,
  observer,
  onTerminal,
  runOptions,
  stoppedByInterrupt,
} from "./shared.ts"

const spec = {
  agent: Args.text({ name: "agent" }).pipe(Args.withDescription("Name of an agent manifest"), Args.optional),
  bottles,
  label: Options.text("label").pipe(
    Options.withDescription("What you call the bottle; the agent's name unless given"),
    Options.optional,
  ),
  color: Options.choice("color", COLOURS).pipe(
    Options.withPseudoName("COLOR"),
    Options.withDescription(`Colour of the bottle in lists: ${COLOURS.join(", ")}`),
    Options.optional,
  ),
  copyCwd: Options.boolean("copy-cwd").pipe(
    Options.withDescription("Copy this git working tree into the workspace, without ignored files"),
  ),
  pull: Options.choice("pull", ["always", "missing", "never"]).pipe(
    Options.withDescription("When the image is pulled"),
    Options.withDefault("missing" as const),
  ),
  ...runOptions,
}

/** `start AGENT` */
export const start = Command.make("start", spec, (options) =>
  run(options).pipe(reportFailures(options.json)),
).pipe(Command.withDescription("Launch an agent in a bottle"))

type Given = Command.Command.ParseConfig<typeof spec>

const run = Effect.fn("cli.start")(function* (options: Given) {
  const prompt = yield* headlessPrompt(options)
  const programs = yield* Effect.promise(() => import("./lazy/run.ts"))
  const agent = yield* Option.match(options.agent, {
    onSome: Effect.succeed,
    onNone: () =>
      isOnTerminal() && !options.headless
        ? programs.pickAgent
        : Effect.fail(new InvalidInput({ field: "agent", reason: `name one: "bot-bottle start AGENT ..."` })),
  })
  if (agent.startsWith("-")) {
    return yield* new InvalidInput({
      field: "option",
      reason: `there is no ${agent}: "bot-bottle start --help"`,
    })
  }
  const observe = observer(options)
  const start = {
    bottles: options.bottles,
    copyCwd: options.copyCwd,
    cwd: process.cwd(),
    pull: options.pull,
    ...given("label", options.label),
    ...given("color", options.color),
    ...given("backend", options.backend),
  }
  if (options.dryRun) {
    const prepared = yield* Effect.provide(programs.prepareStart(agent, start, prompt), programs.lookups)
    const plan = yield* Effect.provide(programs.planStart(prepared), programs.lookups)
    return yield* printPlan(
      plan,
      programs.agreeToKeys(prepared.run.bottle, { hasForge: false }),
      options.json,
    )
  }
  if (Option.isSome(prompt)) {
    const headless = stoppedByInterrupt(programs.stop)
    return yield* headless(
      (tell) =>
        programs.startHeadless(agent, {
          ...start,
          prompt: prompt.value,
          registerKeys: options.yes,
          observe: tell,
        }),
      observe,
    ).pipe(Effect.provide(programs.live))
  }
  yield* needTerminal
  const chosen =
    Option.isNone(options.agent) && options.bottles.length === 0
      ? yield* programs.pickBottles(agent)
      : options.bottles
  yield* onTerminal((tell) =>
    programs.startInteractive(agent, { ...start, bottles: chosen, observe: tell }, (plan) =>
      confirmPlan(plan, options.yes),
    ),
  ).pipe(Effect.provide(programs.live))
})
