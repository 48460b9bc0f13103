/** `watch SLUG`: takes over watching a running agent and enforces its limits. */
import { Command } from "@effect/cli"
import { Effect } from "effect"
import { reportFailures } from "./failure.ts"
import { note, printLine } from "./output.ts"
import { slug } from "./shared.ts"

/** `watch SLUG` */
export const watch = Command.make("watch", { slug }, (options) =>
  Effect.gen(function* () {
    const { awaitExit, bottleNamed, live } = yield* Effect.promise(() => import("./lazy/run.ts"))
    const slug = yield* Effect.provide(bottleNamed(options.slug), live)
    // A line on stdout for the process that started this one in the background.
    yield* printLine(`watching ${slug}`)
    yield* Effect.provide(awaitExit(slug), live)
    yield* note("the agent has ended with 0")
  }).pipe(reportFailures(false)),
).pipe(Command.withDescription("Wait for a bottle's agent, keep its limits, and store how it ended"))
