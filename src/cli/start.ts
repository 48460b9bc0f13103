/** `start AGENT`: launches an agent in a bottle, headless with a prompt or on this terminal. */
import { Args, Command, Options } from "@effect/cli"
import { Effect, Option } from "effect"
import { InvalidInput } from "../domain/Errors.ts"
import { printLine } from "./output.ts"
import { confirmPlan, printPlan } from "./plan.ts"
import { type Observe, removedAfter, rm } from "./removal.ts"
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
    Options.withDescription("Label of the bottle; default: the agent's name"),
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
    Options.withDescription("When to pull the image"),
    Options.withDefault("missing" as const),
  ),
  detach: Options.boolean("detach").pipe(
    Options.withAlias("d"),
    Options.withDescription("Print the slug and return while the agent works; only with --headless"),
  ),
  rm,
  ...runOptions,
}

/** `start AGENT` */
export const start = Command.make("start", spec, (options) =>
  run(options).pipe(reportFailures(options.json)),
).pipe(Command.withDescription("Launch an agent in a bottle"))

type Given = Command.Command.ParseConfig<typeof spec>

const run = Effect.fn("cli.start")(function* (options: Given) {
  const prompt = yield* headlessPrompt(options)
  if (options.detach && Option.isNone(prompt)) {
    return yield* new InvalidInput({
      field: "detach",
      reason: "--detach needs --headless and a prompt: an agent on a terminal starts when it is attached",
    })
  }
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
  const destroyed = removedAfter(options.rm, programs.destroy)
  if (Option.isSome(prompt)) {
    const headless = stoppedByInterrupt((slug) =>
      Effect.zipRight(
        programs.stop(slug),
        Effect.when(programs.destroy(slug), () => options.rm),
      ),
    )
    const given = { ...start, prompt: prompt.value, registerKeys: options.yes }
    if (options.detach) {
      const tell = options.json ? observe : () => Effect.void
      const launch = (tell: Observe) => programs.launch(agent, { ...given, observe: tell })
      const slug = yield* Effect.provide(headless(launch, tell), programs.live)
      yield* programs.watchInBackground(slug, options.rm)
      return yield* options.json ? Effect.void : printLine(slug)
    }
    return yield* headless(
      (tell) => destroyed("", (observe) => programs.startHeadless(agent, { ...given, observe }), tell),
      observe,
    ).pipe(Effect.provide(programs.live))
  }
  yield* needTerminal
  const chosen =
    Option.isNone(options.agent) && options.bottles.length === 0
      ? yield* programs.pickBottles(agent)
      : options.bottles
  const interactive = (observe: Observe) =>
    programs.startInteractive(agent, { ...start, bottles: chosen, observe }, (plan) =>
      confirmPlan(plan, options.yes),
    )
  yield* onTerminal((tell) => destroyed("", interactive, tell), options.rm).pipe(
    Effect.provide(programs.live),
  )
})
