/** `verify`: tries every way out of a real bottle, and reports which are open. */
import { Command } from "@effect/cli"
import { Effect } from "effect"
import { neutralLine } from "../domain/Neutral.ts"
import type { ProbeResult } from "../domain/probes/Probe.ts"
import { REMEDIES } from "../domain/probes/Probes.ts"
import { reportFailures } from "./failure.ts"
import { type Line, bold, note, printJson, printLine, red, table } from "./output.ts"
import { backend, bottles, given, json } from "./shared.ts"

/** `verify` */
export const verify = Command.make("verify", { bottles, backend, json }, (options) =>
  Effect.gen(function* () {
    const { verify } = yield* Effect.promise(() => import("./lazy/verify.ts"))
    const { ok, probes, engine } = yield* verify({
      bottles: options.bottles,
      ...given("backend", options.backend),
      cwd: process.cwd(),
      progress: (text) => (options.json ? Effect.void : note(text)),
    })
    if (options.json) {
      yield* printJson({
        ok,
        probes: probes.map(({ name, expected, seen, ok }) => ({ name, expected, seen, ok })),
      })
    } else {
      yield* printLine(report(probes))
      yield* note(summary(probes, engine))
    }
    if (!ok) {
      yield* Effect.sync(() => {
        process.exitCode = 1
      })
    }
  }).pipe(reportFailures(options.json)),
).pipe(
  Command.withDescription(
    "Try every way out of a real bottle that must be closed; exit with 1 if one is open",
  ),
)

/** A line for each probe. Those that are not as promised are repeated at the end, with what to do. */
export const report = (probes: ReadonlyArray<ProbeResult>): ReadonlyArray<Line> => {
  const rows = probes.map(({ ok, class: about, name, expected, seen }) => [
    ok ? "ok" : "HOLE",
    about,
    name,
    expected,
    seen,
  ])
  const lines = table(["", "ABOUT", "TRIED", "EXPECTED", "SEEN"], rows)
  const shown = lines.map((line, at) =>
    typeof line === "string" && probes[at - 1]?.ok === false ? red(line) : line,
  )
  return [...shown, ...holes(probes)]
}

/** The open ways out by class, and what to do. */
const holes = (probes: ReadonlyArray<ProbeResult>): ReadonlyArray<Line> => {
  const failed = probes.filter(({ ok }) => !ok)
  return [...new Set(failed.map((probe) => probe.class))].flatMap((about) => {
    const own = failed.filter((probe) => probe.class === about)
    const lines = own.map(
      ({ name, expected, seen }) =>
        `  ${neutralLine(name)}: expected ${expected}, seen: ${neutralLine(seen)}`,
    )
    return ["", bold(`${about}: ${REMEDIES[about]}`), lines.join("\n")]
  })
}

const summary = (probes: ReadonlyArray<ProbeResult>, engine: string): string => {
  const failed = probes.filter(({ ok }) => !ok).length
  return failed === 0
    ? `all ${probes.length} probes of ${engine} are as promised (docs/security.md)`
    : `${failed} of ${probes.length} probes of ${engine} are NOT as promised (docs/security.md)`
}
