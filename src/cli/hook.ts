/** `orchestrate hook install|check`: the forge's webhook for a repository or an organisation. */
import { Args, Command, Options } from "@effect/cli"
import { Effect } from "effect"
import { HookNotWorking } from "../domain/Errors.ts"
import { reportFailures } from "./failure.ts"
import { note, printJson, printLine } from "./output.ts"
import { groupHelp } from "./help.ts"
import { config } from "./serve.ts"
import { json } from "./shared.ts"

const place = Args.text({ name: "place" }).pipe(
  Args.withDescription("OWNER/REPO, or the name of an organisation"),
)

const tokenFile = Options.file("token-file").pipe(
  Options.withDescription("A file with the token of an administrator; default: forge.token"),
  Options.optional,
)

const renew = Options.boolean("renew").pipe(
  Options.withDescription("Create the hook again even if it looks right"),
)

const spec = { place, config, tokenFile, json }

const lazy = Effect.promise(() => import("./lazy/hook.ts"))

const install = Command.make("install", { ...spec, renew }, (options) =>
  Effect.gen(function* () {
    const { install, advice } = yield* lazy
    const { installed, wanted } = yield* install(options)
    const words = advice(wanted, installed.delivery)
    if (options.json) yield* printJson({ place: options.place, ...installed, advice: words })
    else {
      yield* note(`${options.place}: ${DONE[installed.done]} ${installed.url}`)
      yield* Effect.forEach(words, (line) => note(line), { discard: true })
    }
    yield* failUnless(options, installed.delivery, [])
  }).pipe(reportFailures(options.json)),
).pipe(Command.withDescription("Create the webhook, or renew it if its secret or events differ"))

const check = Command.make("check", spec, (options) =>
  Effect.gen(function* () {
    const { check, advice } = yield* lazy
    const { checked, wanted } = yield* check(options)
    const words = [
      ...checked.problems.map((problem) => PROBLEMS[problem]),
      ...advice(wanted, checked.delivery),
    ]
    if (options.json) yield* printJson({ place: options.place, ...checked, advice: words })
    else yield* Effect.forEach(words, (line) => note(`${options.place}: ${line}`), { discard: true })
    yield* failUnless(options, checked.delivery, checked.problems)
  }).pipe(reportFailures(options.json)),
).pipe(Command.withDescription("Check that the webhook exists, is right, and delivers"))

const DONE = {
  made: "created a webhook to",
  renewed: "renewed the webhook to",
  kept: "the webhook is already right:",
} as const

const INSTALL = `"bot-bottle orchestrate hook install" creates it`

const PROBLEMS = {
  none: `there is no webhook; ${INSTALL}`,
  "other-secret": `the secret of the webhook is not webhook.secret; ${INSTALL} again`,
  incomplete: `the webhook is not active, not JSON, or lacks events; ${INSTALL} again`,
  twice: `there is more than one webhook to this service; "bot-bottle orchestrate hook install" leaves one`,
} as const

/** The JSON is already printed; the exit code says the rest. */
const failUnless = (
  { place, json }: { readonly place: string; readonly json: boolean },
  delivery: string,
  problems: ReadonlyArray<string>,
) => {
  if (problems.length === 0 && delivery !== "lost" && delivery !== "missigned") return Effect.void
  if (json) return Effect.sync(() => void (process.exitCode = 125))
  return new HookNotWorking({ place })
}

/** `orchestrate hook` */
export const hook = Command.make("hook", {}, () => printLine(groupHelp("orchestrate hook"))).pipe(
  Command.withDescription("The forge's webhook for a repository or an organisation"),
  Command.withSubcommands([install, check]),
)
