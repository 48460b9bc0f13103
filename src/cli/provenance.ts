/** `provenance verify SLUG`: verifies the chain of a bottle's operation log. */
import { Command } from "@effect/cli"
import { Effect } from "effect"
import { reportFailures } from "./failure.ts"
import { groupHelp } from "./help.ts"
import { printJson, printLine } from "./output.ts"
import { json, slug } from "./shared.ts"

const verify = Command.make("verify", { slug, json }, (options) =>
  Effect.gen(function* () {
    const { bottleNamed, live, verifyProvenance } = yield* Effect.promise(() => import("./lazy/run.ts"))
    const verdict = yield* Effect.provide(Effect.flatMap(bottleNamed(options.slug), verifyProvenance), live)
    yield* options.json
      ? printJson(verdict)
      : printLine(
          [
            `${verdict.ok ? "ok" : "BROKEN"}: ${verdict.lines} lines, head ${verdict.head}`,
            ...verdict.problems.map(({ line, problem }) => `line ${line}: ${problem}`),
          ].join("\n"),
        )
    if (!verdict.ok) {
      yield* Effect.sync(() => {
        process.exitCode = 1
      })
    }
  }).pipe(reportFailures(options.json)),
).pipe(Command.withDescription("Check that the operation log is complete"))

/** `provenance ...` */
export const provenance = Command.make("provenance", {}, () => printLine(groupHelp("provenance"))).pipe(
  Command.withDescription("Proof of what a bottle did"),
  Command.withSubcommands([verify]),
)
