/** `stop`, `freeze` and `destroy`: the short operations on a bottle. */
import { Command } from "@effect/cli"
import { Effect } from "effect"
import { reportFailures } from "./failure.ts"
import { note } from "./output.ts"
import { backend, given, slug } from "./shared.ts"

const programs = Effect.promise(() => import("./lazy/run.ts"))

/** `stop SLUG` */
export const stop = Command.make("stop", { slug }, (options) =>
  Effect.gen(function* () {
    const { live, stop } = yield* programs
    yield* Effect.provide(stop(options.slug), live)
    yield* note(
      `${options.slug} is stopped: "bot-bottle resume ${options.slug}" goes on, "bot-bottle freeze ${options.slug}" keeps it`,
    )
  }).pipe(reportFailures(false)),
).pipe(Command.withDescription("End the agent of a bottle (TERM, 10 s, KILL); the bottle is kept"))

/** `freeze SLUG` */
export const freeze = Command.make("freeze", { slug, backend }, (options) =>
  Effect.gen(function* () {
    const { live, freeze } = yield* programs
    yield* Effect.provide(freeze(options.slug, given("backend", options.backend)), live)
    yield* note(
      `${options.slug} is frozen: "bot-bottle resume ${options.slug} --headless --prompt ..." goes on`,
    )
  }).pipe(reportFailures(false)),
).pipe(Command.withDescription("Turn a bottle into a resumable artifact; nothing of it runs after"))

/** `destroy SLUG` */
export const destroy = Command.make("destroy", { slug, backend }, (options) =>
  Effect.gen(function* () {
    const { live, destroy } = yield* programs
    yield* Effect.provide(destroy(options.slug, given("backend", options.backend)), live)
    yield* note(`${options.slug} is gone`)
  }).pipe(reportFailures(false)),
).pipe(Command.withDescription("Remove all there is of a bottle"))
