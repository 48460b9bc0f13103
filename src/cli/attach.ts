/** `attach SLUG` and `shell SLUG`: connect the operator's terminal to a bottle. */
import { Command } from "@effect/cli"
import { Effect } from "effect"
import { Cancelled } from "../domain/Errors.ts"
import { reportFailures } from "./failure.ts"
import { isOnTerminal, onTerminal, slug } from "./shared.ts"

const programs = Effect.promise(() => import("./lazy/run.ts"))

/** `attach SLUG` */
export const attach = Command.make("attach", { slug }, (options) =>
  Effect.gen(function* () {
    const { attach, bottleNamed, live } = yield* programs
    if (!isOnTerminal()) return yield* new Cancelled({ reason: "there is no terminal to attach" })
    yield* onTerminal((observe) =>
      Effect.flatMap(bottleNamed(options.slug), (slug) => attach(slug, { observe })),
    ).pipe(Effect.provide(live))
  }).pipe(reportFailures(false)),
).pipe(Command.withDescription("Come back to the terminal of an agent that was left at work"))

/** `shell SLUG` */
export const shell = Command.make("shell", { slug }, (options) =>
  Effect.gen(function* () {
    const { bottleNamed, live, openShell } = yield* programs
    const exitCode = yield* Effect.provide(Effect.flatMap(bottleNamed(options.slug), openShell), live)
    yield* Effect.sync(() => {
      process.exitCode = exitCode
    })
  }).pipe(reportFailures(false)),
).pipe(Command.withDescription("Open a shell in a bottle that runs, as its agent's user"))
