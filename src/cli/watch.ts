/** `watch SLUG`: takes over watching a running agent and enforces its limits. */
import { Command } from "@effect/cli"
import { Effect } from "effect"
import { reportFailures } from "./failure.ts"
import { note, printLine } from "./output.ts"
import { type Observe, removedAfter, rm } from "./removal.ts"
import { slug } from "./shared.ts"

/** `watch SLUG` */
export const watch = Command.make("watch", { slug, rm }, (options) =>
  Effect.gen(function* () {
    const { awaitExit, bottleNamed, destroy, live } = yield* Effect.promise(() => import("./lazy/run.ts"))
    const slug = yield* Effect.provide(bottleNamed(options.slug), live)
    // A line on stdout for the process that started this one in the background.
    yield* printLine(`watching ${slug}`)
    const wait = (observe: Observe) => awaitExit(slug, { observe })
    yield* removedAfter(options.rm, destroy)(slug, wait, () => Effect.void).pipe(Effect.provide(live))
    yield* note("the agent ended with 0")
  }).pipe(reportFailures(false)),
).pipe(
  Command.withDescription(
    "Wait for the agent of a bottle to end, enforce its limits, and record how it ended",
  ),
)
