/** `log SLUG`: shows the operation log of a bottle, as a table or unchanged. */
import { Command, Options } from "@effect/cli"
import { Effect, Option, Schema, Stream } from "effect"
import { egressBlock, missingEntries } from "../domain/EgressRefusals.ts"
import { BEFORE_ALL, instantOf } from "../domain/Instant.ts"
import { neutralJson, neutralLine } from "../domain/Neutral.ts"
import { OperationLine } from "../domain/OperationLine.ts"
import { reportFailures } from "./failure.ts"
import { type Line, bold, painted, passBytes, print, printLine } from "./output.ts"
import { follow, slug, tail } from "./shared.ts"
import { since, timeOf } from "./since.ts"

const spec = {
  slug,
  follow,
  tail,
  since: since("calls"),
  denied: Options.boolean("denied").pipe(
    Options.withDescription(
      "Only calls that were refused, and the egress entries that would have allowed them",
    ),
  ),
  json: Options.boolean("json").pipe(Options.withDescription("Print the lines of the log unchanged")),
}

/** `log SLUG` */
export const log = Command.make("log", spec, (options) =>
  Effect.gen(function* () {
    const from = yield* Option.match(options.since, {
      onNone: () => Effect.succeed(BEFORE_ALL),
      onSome: timeOf,
    })
    const { live, operationLines } = yield* Effect.promise(() => import("./lazy/operationLines.ts"))
    const chosen = <E, R>(lines: Stream.Stream<string, E, R>) =>
      lines.pipe(
        Stream.map((text) => ({ text, call: Option.getOrUndefined(readCall(text)) })),
        Stream.filter(
          ({ call }) =>
            (!options.denied || call?.outcome === "rejected") &&
            (call === undefined || instantOf(call.at) >= from),
        ),
      )
    // Keeps the database open while the log is followed.
    yield* Effect.gen(function* () {
      const { kept, added } = yield* operationLines(options.slug, options.follow)
      const last = Option.match(options.tail, {
        onNone: () => chosen(kept),
        onSome: (count) => Stream.takeRight(chosen(kept), Math.max(0, count)),
      })
      const printed = Stream.concat(last, chosen(added))
      if (options.json)
        return yield* Stream.runForEach(printed, ({ text }) => passBytes("stdout", `${neutralJson(text)}\n`))
      yield* printLine(HEAD)
      const refused: Array<OperationLine> = []
      yield* Stream.runForEach(printed, ({ text, call }) => {
        if (options.denied && call !== undefined) refused.push(call)
        return printLine(shown(text, call))
      })
      const missing = missingEntries(refused)
      if (missing.length > 0) yield* print("stdout", `\n${WOULD_ALLOW}\n${egressBlock(missing)}\n`)
    }).pipe(Effect.provide(live))
  }).pipe(reportFailures(options.json)),
).pipe(Command.withDescription("Print the operation log: every call at the neck of a bottle"))

const WOULD_ALLOW =
  "# These entries in a bottle manifest would have allowed the egress refused above. Check each host."

const readCall = Schema.decodeOption(Schema.parseJson(OperationLine))

/** Fixed column widths: when following, the widest cell is not known. */
const WIDTHS = [20, 8, 20, 12, 6, 0]

const row = (cells: ReadonlyArray<string>): string =>
  cells
    .map((cell, at) => neutralLine(cell).padEnd(WIDTHS[at] ?? 0))
    .join("  ")
    .trimEnd()

const HEAD = bold(row(["TIME", "OUTCOME", "CALL", "ON", "MS", "WHAT"]))

const shown = (text: string, call: OperationLine | undefined): Line => {
  if (call === undefined) return painted(`not a line of an operation log: ${neutralLine(text)}`, "red")
  const { at, op, target, phase, outcome, reason, durationMs, detail } = call
  const line = row([
    at.replace(/\.\d+Z$/, "Z"),
    phase === "begin" ? "begins" : outcome,
    op,
    target || "-",
    phase === "begin" ? "" : String(durationMs),
    reason === undefined ? detail : `${detail}: ${reason}`,
  ])
  return painted(line, outcome === "ok" ? undefined : outcome === "rejected" ? "yellow" : "red")
}
