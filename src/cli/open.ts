/** `orchestrate open`: prints a link that signs an operator in to the HTTP interface, once. */
import { Command, Options } from "@effect/cli"
import { Effect } from "effect"
import { reportFailures } from "./failure.ts"
import { note, printJson, printLine } from "./output.ts"
import { config } from "./serve.ts"
import { json } from "./shared.ts"

const operator = Options.text("operator").pipe(
  Options.withDescription("Who signs in; may be left out if there is one operator"),
  Options.optional,
)

/** `orchestrate open` */
export const open = Command.make("open", { operator, config, json }, (options) =>
  Effect.gen(function* () {
    const { signInLink } = yield* Effect.promise(() => import("./lazy/open.ts"))
    const link = yield* signInLink(options)
    if (options.json) return yield* printJson(link)
    yield* printLine(link.url)
    yield* note(`signs ${link.operator} in, once, within ${link.minutes} minutes`)
    if (!link.serving) yield* note(`no service runs: "bot-bottle orchestrate serve" starts one`)
  }).pipe(reportFailures(options.json)),
).pipe(Command.withDescription("Print a link that signs an operator in, once"))
