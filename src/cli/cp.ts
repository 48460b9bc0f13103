/** `cp SLUG:PATH DEST`: copies files out of a bottle. */
import { Args, Command } from "@effect/cli"
import { Effect } from "effect"
import { InvalidInput } from "../domain/Errors.ts"
import { neutralLine } from "../domain/Neutral.ts"
import { reportFailures } from "./failure.ts"
import { note } from "./output.ts"

const spec = {
  source: Args.text({ name: "slug:path" }).pipe(
    Args.withDescription("A file or folder in a bottle; a relative path is in its working directory"),
  ),
  destination: Args.text({ name: "dest" }).pipe(
    Args.withDescription("What becomes of it here, or a folder to put it in; nothing is overwritten"),
  ),
}

/** Further files that were left out are counted, not listed. */
const SHOWN = 20

/** `cp SLUG:PATH DEST` */
export const cp = Command.make("cp", spec, ({ source, destination }) =>
  Effect.gen(function* () {
    const [, slug, path] = /^([^:]*):(.+)$/s.exec(source) ?? []
    if (slug === undefined || path === undefined) {
      return yield* new InvalidInput({
        field: "source",
        reason: "it is SLUG:PATH, such as worker-abcde:report.md",
      })
    }
    const { bottleNamed, copyOut, live } = yield* Effect.promise(() => import("./lazy/run.ts"))
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
  }).pipe(reportFailures(false)),
).pipe(Command.withDescription("Copy a file or folder out of a bottle"))
