/** gitleaks 8: finds secrets in a directory of objects with about a hundred rules. Directives inside the objects are ignored. */
import { Effect, Option, Schema } from "effect"
import { createHash } from "node:crypto"
import { basename } from "node:path"
import type { ProcessRunner } from "../../services/ProcessRunner.ts"
import { ScanFailed } from "../../services/SecretScanner.ts"

/** A finding of gitleaks in the object with a number. */
export interface Leak {
  readonly number: number
  readonly line: number
  readonly rule: string
  readonly digest: string
}

/** The gitleaks on the PATH with the version that it prints, such as `gitleaks 8.18.2`; none without one. */
export const findGitleaks = (runner: typeof ProcessRunner.Service): Effect.Effect<Option.Option<string>> =>
  runner.run({ command: "gitleaks", args: ["version"], timeoutMs: 10_000 }).pipe(
    Effect.map(({ exitCode, stdout }) =>
      exitCode === 0 ? Option.some(`gitleaks ${VERSION.exec(stdout)?.[0] ?? ""}`.trim()) : Option.none(),
    ),
    Effect.orElseSucceed(() => Option.none()),
  )

const VERSION = /\b\d[\w.+-]{0,39}/

/** gitleaks exits with 1 for any error of its own, so leaks get a code that nothing else uses. */
const LEAKS_FOUND = 77
const REPORT_BYTES_MAX = 64 * 1024 * 1024

/** Scans files with numbers as names, each with an empty first line. */
export const scanDirectory = Effect.fn("gitleaks.scanDirectory")(function* (
  runner: typeof ProcessRunner.Service,
  directory: string,
  timeoutMs: number,
) {
  const { exitCode, stdout } = yield* runner
    .run({
      command: "gitleaks",
      endsWithUs: true,
      args: [
        "dir",
        "--no-banner",
        "--exit-code",
        String(LEAKS_FOUND),
        "--report-format",
        "json",
        "--report-path",
        "-",
        "--ignore-gitleaks-allow",
        "--gitleaks-ignore-path",
        NO_FILE,
        "--timeout",
        String(Math.ceil(timeoutMs / 1000)),
        directory,
      ],
      env: { GOMEMLIMIT: "512MiB" },
      // Where it looks for its own configuration. Objects only have numbers as names.
      cwd: directory,
      timeoutMs,
      maxOutputBytes: REPORT_BYTES_MAX,
    })
    .pipe(Effect.mapError(({ message }) => new ScanFailed({ reason: message })))
  if (exitCode === 0) return []
  if (exitCode !== LEAKS_FOUND) return yield* new ScanFailed({ reason: `gitleaks ended with ${exitCode}` })
  const report = yield* Effect.mapError(
    Schema.decode(Report)(stdout),
    () => new ScanFailed({ reason: "the report of gitleaks could not be read" }),
  )
  return report.map(({ File, StartLine, RuleID, Secret }): Leak => ({
    number: Number(basename(File)),
    line: Math.max(1, StartLine - 1),
    rule: RuleID,
    digest: createHash("sha256").update(Secret).digest("hex"),
  }))
})

const NO_FILE = "/dev/null/none"

const Report = Schema.parseJson(
  Schema.Array(
    Schema.Struct({
      File: Schema.String,
      StartLine: Schema.Number,
      RuleID: Schema.String,
      Secret: Schema.String,
    }),
  ),
)
