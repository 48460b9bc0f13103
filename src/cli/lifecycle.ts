/** `stop`, `freeze` and `destroy`: the short operations on a bottle. */
import { Command, Options } from "@effect/cli"
import { Effect, Option } from "effect"
import type { BottleState } from "../domain/Bottle.ts"
import { reportFailures } from "./failure.ts"
import { note } from "./output.ts"
import { given, ownBackend, slug } from "./shared.ts"

const programs = Effect.promise(() => import("./lazy/run.ts"))

/** `stop SLUG` */
export const stop = Command.make("stop", { slug }, (options) =>
  Effect.gen(function* () {
    const { live, stop } = yield* programs
    yield* note(stoppedText(options.slug, yield* Effect.provide(stop(options.slug), live)))
  }).pipe(reportFailures(false)),
).pipe(Command.withDescription("End the agent of a bottle (TERM, 10 s, KILL); the bottle is kept"))

/** `freeze SLUG` */
export const freeze = Command.make("freeze", { slug, backend: ownBackend }, (options) =>
  Effect.gen(function* () {
    const { live, freeze } = yield* programs
    yield* Effect.provide(freeze(options.slug, given("backend", options.backend)), live)
    yield* note(
      `${options.slug} is frozen: "bot-bottle resume ${options.slug} --headless --prompt ..." goes on`,
    )
  }).pipe(reportFailures(false)),
).pipe(Command.withDescription("Turn a bottle into a resumable artifact; nothing of it runs after"))

const goneBackend = Options.text("backend").pipe(
  Options.withDescription(
    "The bottle's own backend, when its engine is gone for good: then what is left here is removed",
  ),
  Options.optional,
)

/** `destroy SLUG` */
export const destroy = Command.make("destroy", { slug, backend: goneBackend }, (options) =>
  Effect.gen(function* () {
    const { live, destroy } = yield* programs
    const wasKnown = yield* Effect.provide(destroy(options.slug, given("backend", options.backend)), live)
    yield* note(
      wasKnown
        ? `${options.slug} is gone`
        : `no bottle "${options.slug}" is known; if there was anything of it, it is gone`,
    )
  }).pipe(reportFailures(false)),
).pipe(Command.withDescription("Remove all there is of a bottle"))

/** What a bottle is after a stop, and what can be done with it. */
const stoppedText = (slug: string, state: Option.Option<BottleState>): string => {
  const resume = `"bot-bottle resume ${slug}"`
  const destroy = `"bot-bottle destroy ${slug}"`
  switch (Option.getOrUndefined(state)) {
    case undefined:
      return `no bottle "${slug}" is known: nothing was stopped`
    case "running":
      return `${slug} runs again: another command has resumed it`
    case "exited":
      return `${slug} is stopped: ${resume} goes on, "bot-bottle freeze ${slug}" keeps it`
    case "frozen":
      return `${slug} is frozen, nothing of it runs: ${resume} goes on`
    case "created":
      return `nothing of ${slug} runs: ${resume} starts it anew, ${destroy} removes it`
    case "lost":
      return `nothing of ${slug} runs, and its artifact is gone: ${destroy} removes what is left`
    case "destroying":
      return `nothing of ${slug} runs, and a destroy of it has not ended: ${destroy} finishes it`
  }
}
