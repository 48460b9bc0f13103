/** `cp SLUG:PATH DEST` and `cp FILE SLUG:PATH`: copies files out of a bottle, and into one that has exited. */
import { Args, Command } from "@effect/cli"
import * as FileSystem from "@effect/platform/FileSystem"
import { Effect } from "effect"
import { InvalidInput } from "../domain/Errors.ts"
import { neutralLine } from "../domain/Neutral.ts"
import { reportFailures } from "./failure.ts"
import { note } from "./output.ts"

const spec = {
  source: Args.text({ name: "source" }).pipe(
    Args.withDescription("SLUG:PATH, a file or folder in a bottle, or a file of this machine"),
  ),
  destination: Args.text({ name: "dest" }).pipe(
    Args.withDescription(
      "Its new path, or a folder to put it in; with a file of this machine, SLUG:PATH of an exited bottle",
    ),
  ),
}

/** Further files that were left out are counted, not listed. */
const SHOWN = 20

/** `cp SLUG:PATH DEST`, or `cp FILE SLUG:PATH` */
export const cp = Command.make("cp", spec, ({ source, destination }) =>
  Effect.gen(function* () {
    const [from, to] = [inBottle(source), inBottle(destination)]
    if (from !== undefined && to === undefined) return yield* copyFrom(from, destination)
    if (from === undefined && to !== undefined) return yield* copyTo(source, to)
    return yield* new InvalidInput({
      field: "source",
      reason: "one of the two must be SLUG:PATH, such as worker-abcde:report.md",
    })
  }).pipe(reportFailures(false)),
).pipe(Command.withDescription("Copy a file or folder out of a bottle, or a file into one that has exited"))

interface InBottle {
  readonly slug: string
  readonly path: string
}

/** A path of this machine that has a colon is written with a slash before it. */
const inBottle = (text: string): InBottle | undefined => {
  const [, slug, path] = /^([^:/]+):(.*)$/s.exec(text) ?? []
  return slug === undefined || path === undefined ? undefined : { slug, path }
}

const programs = Effect.promise(() => import("./lazy/run.ts"))

const copyFrom = Effect.fn("cli.copyFrom")(function* ({ slug, path }: InBottle, destination: string) {
  const { bottleNamed, copyOut, live } = yield* programs
  const { extract } = yield* Effect.promise(() => import("../layers/tar/extract.ts"))
  const copied = yield* Effect.flatMap(bottleNamed(slug), (name) =>
    extract(copyOut(name, path), destination),
  ).pipe(Effect.provide(live))
  yield* Effect.forEach(copied.skipped.slice(0, SHOWN), ({ name, reason }) =>
    note(`left out: ${neutralLine(name)}: ${neutralLine(reason)}`),
  )
  const more = copied.skipped.length - SHOWN
  if (more > 0) yield* note(`left out: ${more} more`)
  yield* note(`${copied.files} ${copied.files === 1 ? "file" : "files"}: ${neutralLine(copied.path)}`)
})

const copyTo = Effect.fn("cli.copyTo")(function* (file: string, { slug, path }: InBottle) {
  const isFile = yield* Effect.flatMap(FileSystem.FileSystem, (fs) => fs.stat(file)).pipe(
    Effect.map(({ type }) => type === "File"),
    Effect.orElseSucceed(() => false),
  )
  if (!isFile) return yield* new InvalidInput({ field: "source", reason: `${file} is not a file` })
  const { bottleNamed, copyIn, live } = yield* programs
  yield* Effect.gen(function* () {
    const name = yield* bottleNamed(slug)
    yield* copyIn(name, { file, path })
    yield* note(`${neutralLine(file)} is in bottle ${name}: ${neutralLine(path || ".")}`)
  }).pipe(Effect.provide(live))
})
