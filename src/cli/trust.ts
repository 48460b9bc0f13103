/** `trust [PATH]`: allows the current manifests of a working directory to be used. */
import { Args, Command, Options, Prompt } from "@effect/cli"
import { Effect, Option } from "effect"
import { Cancelled } from "../domain/Errors.ts"
import { neutralLine } from "../domain/Neutral.ts"
import { Manifests } from "../services/Manifests.ts"
import { reportFailures } from "./failure.ts"
import { note } from "./output.ts"

const path = Args.text({ name: "path" }).pipe(
  Args.withDescription("A directory with a .bot-bottle folder; default: the current one"),
  Args.optional,
)

const yes = Options.boolean("yes").pipe(Options.withDescription("Do not ask"))

/** `trust [PATH]` */
export const trust = Command.make("trust", { path, yes }, (options) =>
  Effect.gen(function* () {
    const { layer } = yield* Effect.promise(() => import("../layers/manifests/FileManifests.ts"))
    yield* Effect.provide(
      ask(
        Option.getOrElse(options.path, () => process.cwd()),
        options.yes,
      ),
      layer,
    )
  }).pipe(reportFailures(false)),
).pipe(Command.withDescription("Allow the manifests of a working directory, in their current state"))

/** Shows what would be trusted and asks on a terminal. Exactly what was shown is trusted. */
const ask = Effect.fn("cli.trust")(function* (cwd: string, yes: boolean) {
  const manifests = yield* Manifests
  const report = yield* manifests.describeProject(cwd)
  const [problem] = report.problems
  if (problem !== undefined) return yield* problem
  yield* note(`manifests in ${neutralLine(report.directory)}:`)
  yield* Effect.forEach(
    report.files,
    (file) =>
      note(
        `  ${file.sha256.slice(0, 12)}  ${neutralLine(file.file)}${file.shadowed ? "  (not used: the home has one with that name)" : ""}`,
      ),
    { discard: true },
  )
  if (report.state === "trusted") return yield* note("already trusted")
  if (!yes && report.files.length > 0) {
    if (!process.stdin.isTTY)
      return yield* new Cancelled({
        reason: "there is no terminal to ask on: read the files, then use --yes",
      })
    const agreed = yield* Effect.orElseSucceed(
      Prompt.confirm({ message: "Trust them in their current state?", initial: false }),
      () => false,
    )
    if (!agreed) return yield* new Cancelled({ reason: "declined: nothing was trusted" })
  }
  yield* manifests.trust(cwd, report.digest)
  yield* note("trusted until one of them changes")
})
