/** `provenance show|verify|export|key|rotate`: what a bottle did, and the signed proof of it. */
import { Args, Command, Options } from "@effect/cli"
import * as FileSystem from "@effect/platform/FileSystem"
import { Effect, Option, Stream } from "effect"
import { InvalidInput } from "../domain/Errors.ts"
import { decodeStatement } from "../domain/Provenance.ts"
import type { ProvenanceVerdict } from "../programs/verifyProvenance.ts"
import { reportFailures } from "./failure.ts"
import { groupHelp } from "./help.ts"
import { note, passBytes, printJson, printLine, table } from "./output.ts"
import { json, slug } from "./shared.ts"

const programs = Effect.promise(() => import("./lazy/provenance.ts"))

const show = Command.make("show", { slug, json }, (options) =>
  Effect.gen(function* () {
    const { bottleNamed, live, provenanceOf } = yield* programs
    const { statements } = yield* Effect.provide(
      Effect.flatMap(bottleNamed(options.slug), provenanceOf),
      live,
    )
    const runs = statements.map(({ payload, envelope }) => ({
      statement: Option.getOrNull(decodeStatement(payload)),
      envelope,
    }))
    if (options.json) return yield* printJson(runs)
    if (runs.length === 0) return yield* note("no run has ended yet")
    yield* printLine(
      table(
        ["RUN", "ENDED", "EXIT", "DONE", "LINES", "COMMITS", "KEY"],
        runs.flatMap(({ statement, envelope }) => {
          if (statement === null) return [["?", "", "", "", "", "", ""]]
          const { run, statedAt, exit, done, log, counts } = statement.predicate
          return [
            [
              String(run),
              exit?.at ?? statedAt,
              exit === null ? "-" : String(exit.code),
              done?.status ?? "-",
              String(log.lines),
              String(counts.pushes.flatMap(({ commits }) => commits).length),
              envelope?.signatures[0].keyid.slice(0, 12) ?? "not signed yet",
            ],
          ]
        }),
      ),
    )
  }).pipe(reportFailures(options.json)),
).pipe(Command.withDescription("Show the signed statements about a bottle's runs, even after destroy"))

const verifyOptions = {
  slug: Args.optional(slug),
  file: Options.file("file").pipe(
    Options.withPseudoName("FILE"),
    Options.withDescription("Check an exported file, without the home"),
    Options.optional,
  ),
  publicKey: Options.file("public-key").pipe(
    Options.withPseudoName("PEM"),
    Options.withDescription("With --file: a public key to accept; may be repeated"),
    Options.repeated,
  ),
  json,
}

const verify = Command.make("verify", verifyOptions, (options) =>
  Effect.gen(function* () {
    const verdict = yield* Option.match(options.file, {
      onSome: (path) => verifyFile(path, options),
      onNone: () => verifySlug(options),
    })
    yield* options.json ? printJson(verdict) : printLine(report(verdict))
    if (!verdict.ok) {
      yield* Effect.sync(() => {
        process.exitCode = 1
      })
    }
  }).pipe(reportFailures(options.json)),
).pipe(Command.withDescription("Check that the operation log and its statements are complete and unchanged"))

const verifySlug = Effect.fnUntraced(function* ({
  slug: name,
  publicKey,
}: {
  readonly slug: Option.Option<string>
  readonly publicKey: ReadonlyArray<string>
}) {
  if (Option.isNone(name)) return yield* new InvalidInput({ field: "slug", reason: "give a SLUG or --file" })
  if (publicKey.length > 0)
    return yield* new InvalidInput({ field: "public-key", reason: "it is only valid with --file" })
  const { bottleNamed, live, verifyProvenance } = yield* programs
  return yield* Effect.provide(Effect.flatMap(bottleNamed(name.value), verifyProvenance), live)
})

const verifyFile = Effect.fnUntraced(function* (
  path: string,
  {
    slug: name,
    publicKey,
  }: { readonly slug: Option.Option<string>; readonly publicKey: ReadonlyArray<string> },
) {
  if (Option.isSome(name))
    return yield* new InvalidInput({ field: "slug", reason: "give a SLUG or --file, not both" })
  if (publicKey.length === 0)
    return yield* new InvalidInput({
      field: "public-key",
      reason: "--file needs --public-key: the keys inside the file prove nothing",
    })
  const fs = yield* FileSystem.FileSystem
  const pems = yield* Effect.forEach(publicKey, (key) =>
    Effect.mapError(
      fs.readFileString(key),
      () => new InvalidInput({ field: "public-key", reason: `${key} cannot be read` }),
    ),
  )
  const { offline, verifyExport } = yield* programs
  return yield* Effect.provide(verifyExport(path, pems), offline)
})

const report = ({ ok, slug, lines, head, runs, problems, unsignedLines }: ProvenanceVerdict): string =>
  [
    `${ok ? "ok" : "BROKEN"}: ${slug}: ${lines} lines, head ${head}`,
    ...runs.map(
      (run) =>
        `run ${run.run}: up to line ${run.lines}, ${run.key === null ? "NOT SIGNED" : `key ${run.key}`}`,
    ),
    ...(ok && unsignedLines > 0 ? [`${unsignedLines} lines of the run at work are not signed yet`] : []),
    ...problems.map(({ line, problem }) => (line === 0 ? problem : `line ${line}: ${problem}`)),
  ].join("\n")

const exported = Command.make(
  "export",
  {
    slug,
    file: Args.text({ name: "file" }).pipe(
      Args.withDescription("The file to write; - is stdout"),
      Args.withDefault("-"),
    ),
  },
  (options) =>
    Effect.gen(function* () {
      const { bottleNamed, exportProvenance, live } = yield* programs
      const fs = yield* FileSystem.FileSystem
      yield* Effect.gen(function* () {
        const bytes = yield* exportProvenance(yield* bottleNamed(options.slug))
        yield* options.file === "-"
          ? Stream.runForEach(bytes, (piece) => passBytes("stdout", piece))
          : Stream.run(bytes, fs.sink(options.file, { flag: "wx", mode: 0o600 })).pipe(
              Effect.catchTags({
                SystemError: ({ reason }) =>
                  new InvalidInput({ field: "file", reason: `${options.file} cannot be written: ${reason}` }),
              }),
            )
      }).pipe(Effect.provide(live))
    }).pipe(reportFailures(false)),
).pipe(Command.withDescription("Export statements and operation log to one file, for an auditor"))

const key = Command.make("key", { json }, (options) =>
  Effect.gen(function* () {
    const { offline, Signatures } = yield* programs
    const current = yield* Effect.provide(
      Effect.flatMap(Signatures, (signatures) => signatures.current),
      offline,
    )
    yield* options.json ? printJson(current) : printLine(current.pem.trimEnd())
    if (!options.json) yield* note(`key ${current.id}`)
  }).pipe(reportFailures(options.json)),
).pipe(Command.withDescription("Print the current public key"))

const rotate = Command.make("rotate", { json }, (options) =>
  Effect.gen(function* () {
    const { live, signStatements, offline, Signatures } = yield* programs
    // With the old key, while it exists.
    yield* Effect.provide(signStatements, live)
    const fresh = yield* Effect.provide(
      Effect.flatMap(Signatures, (signatures) => signatures.rotate),
      offline,
    )
    yield* options.json ? printJson(fresh) : printLine(fresh.pem.trimEnd())
    if (!options.json)
      yield* note(`key ${fresh.id} signs from now on: give its public key to everyone who verifies`)
  }).pipe(reportFailures(options.json)),
).pipe(Command.withDescription("Make a new signing key"))

/** `provenance ...` */
export const provenance = Command.make("provenance", {}, () => printLine(groupHelp("provenance"))).pipe(
  Command.withDescription("Signed proof of what a bottle did"),
  Command.withSubcommands([show, verify, exported, key, rotate]),
)
