/** `backup FILE` and `restore FILE`: a home in one file. */
import { Args, Command, Options } from "@effect/cli"
import { Effect } from "effect"
import { reportFailures } from "./failure.ts"
import { note, printJson } from "./output.ts"
import { json } from "./shared.ts"

const file = Args.text({ name: "file" })

/** `backup FILE` */
export const backup = Command.make(
  "backup",
  {
    file: file.pipe(Args.withDescription("The file to write; it must not exist")),
    images: Options.boolean("images").pipe(
      Options.withDescription("Also save the images of frozen bottles, which can be large"),
    ),
    json,
  },
  (options) =>
    Effect.gen(function* () {
      const program = yield* Effect.promise(() => import("./lazy/backup.ts"))
      const info = yield* Effect.provide(
        program.backup(options.file, { images: options.images }),
        program.usedHome,
      )
      yield* options.json
        ? printJson(info)
        : note(
            `backed up to ${options.file}${info.images.length === 0 ? "" : `, with ${info.images.length} images`}; it contains private keys: store it as safely as those`,
          )
    }).pipe(reportFailures(options.json)),
).pipe(Command.withDescription("Back up the home to one file"))

/** `restore FILE` */
export const restore = Command.make(
  "restore",
  { file: file.pipe(Args.withDescription("A file that `backup` wrote")), json },
  (options) =>
    Effect.gen(function* () {
      const program = yield* Effect.promise(() => import("./lazy/backup.ts"))
      const info = yield* Effect.provide(program.restore(options.file), program.emptyHome)
      yield* options.json
        ? printJson(info)
        : note(
            `restored what ${info.version} backed up at ${info.createdAt}: "bot-bottle list" shows the bottles`,
          )
    }).pipe(reportFailures(options.json)),
).pipe(Command.withDescription("Restore a back-up into a home that does not exist yet"))
