/** HomeArchive by `tar`, with SQLite's online back-up for the database. */
import { DateTime, Effect, Layer, Option, Schema } from "effect"
import { constants } from "node:fs"
import { access, chmod, link, mkdir, mkdtemp, open, rename, rm } from "node:fs/promises"
import { join, resolve } from "node:path"
import { ArchiveFailed } from "../../domain/Errors.ts"
import { VERSION } from "../../domain/Version.ts"
import { ensureDirectory, file, namesIn, replaceFile, syncDirectory } from "../../files/files.ts"
import { ArchiveInfo, HomeArchive } from "../../services/HomeArchive.ts"
import { ProcessRunner } from "../../services/ProcessRunner.ts"
import { SCHEMA_VERSION } from "../sqlite/migrations.ts"
import { copyDatabase, moveArtifacts } from "../sqlite/copyDatabase.ts"
import { Home, type HomeShape } from "./Home.ts"

/** What is backed up, in the order in which it is restored. The database is the last: without it a home is empty. */
const PARTS = [
  "installation",
  "agents",
  "bottles",
  "trusted.json",
  "orchestrator.yaml",
  "prices.yaml",
  "provenance.yaml",
  "signing",
  "keys",
  "provenance",
  "state",
  "bot-bottle.db",
]
const DATABASE = "bot-bottle.db"
const INFO = "backup.json"
const IMAGES = "images"
/** A large home on a slow disk. */
const TAR_MS = 6 * 60 * 60_000

const failed = (operation: "backup" | "restore", reason: string) => new ArchiveFailed({ operation, reason })

const onFile =
  (operation: "backup" | "restore", path: string) =>
  <A, R>(effect: Effect.Effect<A, { readonly code: string }, R>) =>
    Effect.mapError(effect, ({ code }) => failed(operation, `${path} cannot be used (${code})`))

const make = (home: HomeShape, runner: typeof ProcessRunner.Service): typeof HomeArchive.Service => {
  const tar = Effect.fnUntraced(function* (
    operation: "backup" | "restore",
    args: ReadonlyArray<string>,
    accepted: ReadonlyArray<number> = [0],
  ) {
    const result = yield* Effect.mapError(
      runner.run({ command: "tar", args, timeoutMs: TAR_MS }),
      ({ message }) => failed(operation, message),
    )
    if (accepted.includes(result.exitCode)) return result.stdout
    return yield* failed(operation, `tar: ${result.stderr.trim().split("\n").at(-1) ?? ""}`)
  })

  /** A directory of this home's, so that it is private and on the same disk. */
  const withDirectory = <A, E, R>(
    operation: "backup" | "restore",
    use: (directory: string) => Effect.Effect<A, E, R>,
  ) =>
    Effect.acquireUseRelease(
      ensureDirectory(home.root).pipe(
        Effect.zipRight(file(() => mkdtemp(join(home.root, `.${operation}-`)))),
        onFile(operation, home.root),
      ),
      use,
      (directory) => Effect.promise(() => rm(directory, { recursive: true, force: true })),
    )

  const pack: (typeof HomeArchive.Service)["pack"] = (given, images) =>
    withDirectory("backup", (stage) =>
      Effect.gen(function* () {
        const path = resolve(given)
        const partial = `${path}.partial`
        if (yield* exists(path)) return yield* failed("backup", `${path} exists: name a new file`)
        // Before everything else: what comes later may be newer than the database, and never older.
        const schema = yield* copyDatabase(home.database, join(stage, DATABASE)).pipe(
          Effect.mapError(({ message }) => failed("backup", message)),
        )
        yield* onFile("backup", stage)(file(() => mkdir(join(stage, IMAGES))))
        const saved = yield* images(join(stage, IMAGES))
        const info: ArchiveInfo = {
          format: "bot-bottle-backup/1",
          version: VERSION,
          schema,
          createdAt: DateTime.formatIso(yield* DateTime.now),
          root: home.root,
          images: saved,
        }
        yield* onFile("backup", stage)(replaceFile(join(stage, INFO), JSON.stringify(info)))
        const there = new Set(yield* onFile("backup", home.root)(namesIn(home.root)))
        const parts = PARTS.filter((part) => part !== DATABASE && there.has(part))
        const options = [
          "--anchored",
          "--no-wildcards-match-slash",
          "--exclude=state/*/git",
          "--exclude=state/*/host/control",
        ]
        yield* Effect.gen(function* () {
          yield* onFile("backup", partial)(file(() => open(partial, CREATE, 0o600).then((it) => it.close())))
          // 1: a file changed while it was read, as logs of running bottles do.
          yield* tar(
            "backup",
            ["-cf", partial, ...options, "-C", stage, INFO, DATABASE, IMAGES, "-C", home.root, ...parts],
            [0, 1],
          )
          yield* onFile(
            "backup",
            path,
          )(
            file(() => open(partial, "r").then((it) => it.sync().finally(() => it.close()))).pipe(
              Effect.zipRight(file(() => link(partial, path))),
              Effect.zipRight(syncDirectory(resolve(path, ".."))),
            ),
          )
        }).pipe(Effect.ensuring(Effect.promise(() => rm(partial, { force: true }))))
        return info
      }),
    )

  const unpack: (typeof HomeArchive.Service)["unpack"] = (given, images) =>
    withDirectory("restore", (stage) =>
      Effect.gen(function* () {
        const path = resolve(given)
        const info = yield* infoOf(path)
        if (info.schema > SCHEMA_VERSION)
          return yield* failed(
            "restore",
            `${path} was made by a newer bot-bottle (${info.version}, schema ${info.schema}, this one knows ${SCHEMA_VERSION}): use that version`,
          )
        const there = new Set(yield* onFile("restore", home.root)(namesIn(home.root)))
        const taken = PARTS.filter((part) => there.has(part))
        if (taken.length > 0)
          return yield* failed(
            "restore",
            `${home.root} is not empty (${taken.join(", ")}): restore into a home that does not exist yet`,
          )
        yield* tar("restore", ["-xpf", path, "--no-same-owner", "-C", stage])
        // Artifacts that are folders of the home are known by their paths.
        yield* moveArtifacts(join(stage, DATABASE), `${info.root}/`, `${home.root}/`).pipe(
          Effect.mapError(({ message }) => failed("restore", message)),
        )
        yield* images(join(stage, IMAGES), info.images)
        const names = new Set(yield* onFile("restore", stage)(namesIn(stage)))
        yield* Effect.forEach(
          PARTS.filter((part) => names.has(part)),
          (part) =>
            onFile("restore", home.root)(file(() => rename(join(stage, part), join(home.root, part)))),
          { discard: true },
        )
        yield* onFile("restore", home.root)(file(() => chmod(home.root, 0o700)))
        return info
      }),
    )

  const infoOf = Effect.fnUntraced(function* (path: string) {
    yield* onFile("restore", path)(file(() => access(path, constants.R_OK)))
    const text = yield* Effect.orElseSucceed(tar("restore", ["-xOf", path, INFO]), () => "")
    const info = decodeInfo(text)
    return Option.isSome(info)
      ? info.value
      : yield* failed("restore", `${path} is not a back-up of bot-bottle`)
  })
  return { pack, unpack }
}

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL

const decodeInfo = Schema.decodeUnknownOption(Schema.parseJson(ArchiveInfo))

const exists = (path: string): Effect.Effect<boolean> =>
  Effect.match(
    file(() => access(path)),
    { onFailure: () => false, onSuccess: () => true },
  )

/** The archive of a home. */
export const layer: Layer.Layer<HomeArchive, never, ProcessRunner> = Layer.effect(
  HomeArchive,
  Effect.map(Effect.all([Home, ProcessRunner]), ([home, runner]) => make(home, runner)),
)
