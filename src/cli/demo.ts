/** `demo`: the main use case on this machine, without configuration. */
import { Command } from "@effect/cli"
import { Effect } from "effect"
import { reportFailures } from "./failure.ts"

/** `demo` */
export const demo = Command.make("demo", {}, () =>
  Effect.flatMap(
    Effect.promise(() => import("./lazy/demo.ts")),
    ({ demo }) => demo,
  ).pipe(reportFailures(false)),
).pipe(
  Command.withDescription("Show the main job on this machine, with a simulated forge and scripted agents"),
)
