/** `doctor`: reports what is present, what is missing, and what to do. */
import { Command } from "@effect/cli"
import { Effect } from "effect"
import { neutralLine } from "../domain/Neutral.ts"
import type { Finding } from "../programs/doctor.ts"
import { reportFailures } from "./failure.ts"
import { note, printJson, printLine } from "./output.ts"
import { json } from "./shared.ts"

/** `doctor` */
export const doctor = Command.make("doctor", { json }, (options) =>
  Effect.gen(function* () {
    const { examine } = yield* Effect.promise(() => import("./lazy/doctor.ts"))
    const findings = yield* examine
    const missing = findings.filter(({ status }) => status === "missing").length
    yield* options.json ? printJson(findings) : printLine(report(findings))
    if (missing === 0) {
      return yield* options.json ? Effect.void : note(enoughText(findings))
    }
    if (!options.json) yield* note(`${missing} required ${missing === 1 ? "part is" : "parts are"} missing`)
    yield* Effect.sync(() => {
      process.exitCode = 1
    })
  }).pipe(reportFailures(options.json)),
).pipe(Command.withDescription("Check what is needed: engines, git, home, forge, and a real bottle's neck"))

/** Enough is not everything: what bottles use by default may be missing, and the neck is only tested on docker. */
export const enoughText = (findings: ReadonlyArray<Finding>): string => {
  const docker = findings.find(({ subject }) => subject === "backend docker")
  const other = findings.find(
    ({ subject, status }) => /^backend (?!docker|host)/.test(subject) && status === "ok",
  )
  return docker?.status === "ok"
    ? `everything needed is present: "bot-bottle init" writes examples`
    : `docker does not respond, so the neck was not tested: start it, or use --backend ${other?.subject.slice("backend ".length) ?? "podman"}`
}

/** Aligned lines, with what to do below each check. */
export const report = (findings: ReadonlyArray<Finding>): string => {
  const width = Math.max(...findings.map(({ subject }) => subject.length))
  return findings
    .flatMap(({ subject, status, detail, todo }) => [
      `${subject.padEnd(width)}  ${WORDS[status].padEnd(7)}  ${neutralLine(detail)}`,
      ...(todo === "" ? [] : [`${" ".repeat(width)}           -> ${neutralLine(todo)}`]),
    ])
    .join("\n")
}

const WORDS: Readonly<Record<Finding["status"], string>> = { ok: "ok", missing: "MISSING", absent: "-" }
