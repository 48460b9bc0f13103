/** leftRuns: run directories that no bottle needs, such as those of killed launches. */
import { Effect, Option, Schema } from "effect"
import { lstat, rm } from "node:fs/promises"
import { join } from "node:path"
import { Slug } from "../../domain/Slug.ts"
import type { LeftRun } from "../../services/RunDirectories.ts"
import type { HomeShape } from "../home/Home.ts"
import { type FileFailure, file, namesIn, textOf } from "../../files/files.ts"
import { OWNER } from "./runDirectory.ts"

const NAME = /^[a-z2-7]{5}$/

/**
 * Run directories of a home that belong to none of these slugs. Directories of other homes or programs in the same folder are left
 * alone.
 */
export const leftRuns = Effect.fn("leftRuns")(function* (home: HomeShape, slugs: ReadonlyArray<Slug>) {
  const used = new Set(slugs.map((slug) => home.of(slug).run))
  const names = yield* namesIn(home.runRoot)
  const found = yield* Effect.forEach(
    names.filter((name) => NAME.test(name) && !used.has(join(home.runRoot, name))),
    (name) => Effect.orElseSucceed(look(home, name), () => Option.none<LeftRun>()),
  )
  return found.flatMap(Option.toArray)
})

/** Removes such a directory. */
export const removeLeftRun = (home: HomeShape, name: string): Effect.Effect<void, FileFailure> =>
  NAME.test(name)
    ? file(() => rm(join(home.runRoot, name), { recursive: true, force: true, maxRetries: 5 }))
    : Effect.void

const Owner = Schema.parseJson(Schema.Struct({ home: Schema.String, slug: Slug }))

/** A run directory without an owner file, from an earlier version, belongs to this home only if it is below the home itself. */
const look = Effect.fnUntraced(function* (home: HomeShape, name: string) {
  const path = join(home.runRoot, name)
  const status = yield* file(() => lstat(path))
  if (!status.isDirectory() || status.uid !== process.getuid?.()) return Option.none<LeftRun>()
  const text = yield* textOf(join(path, OWNER))
  const owner = Schema.decodeOption(Owner)(text)
  const isOurs = Option.match(owner, {
    onNone: () => text === "" && home.runRoot === join(home.root, "run"),
    onSome: (said) => said.home === home.root && home.of(said.slug).run === path,
  })
  if (!isOurs) return Option.none<LeftRun>()
  const inside = yield* Effect.forEach(["neck", "control.sock", OWNER], (part) =>
    Effect.map(Effect.option(file(() => lstat(join(path, part)))), (found) =>
      Option.match(found, { onNone: () => 0, onSome: ({ mtimeMs }) => mtimeMs }),
    ),
  )
  const slug: LeftRun["slug"] = Option.match(owner, { onNone: () => "", onSome: (said) => said.slug })
  return Option.some<LeftRun>({ name, slug, since: Math.max(status.mtimeMs, ...inside) })
})
