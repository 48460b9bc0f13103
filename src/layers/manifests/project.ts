/**
 * The manifests of a working directory's own `.bot-bottle`. They are untrusted, and read once, so that the digest covers what is
 * parsed.
 */
import { Effect, Option } from "effect"
import { createHash } from "node:crypto"
import { realpath } from "node:fs/promises"
import { join, sep } from "node:path"
import type { ManifestInvalid } from "../../domain/Errors.ts"
import { projectProblem } from "../../domain/ManifestFile.ts"
import { manifestNames, manifestPath } from "./folder.ts"
import type { ManifestKind } from "./parse.ts"
import { parseAgent, parseBottle } from "./parse.ts"
import { fileInvalid, orAbsent, readBounded } from "./readBounded.ts"

const MAX_FILES = 100

/** One manifest of a project, as read. */
export interface ProjectManifest {
  readonly kind: ManifestKind
  readonly name: string
  readonly file: string
  readonly bytes: Uint8Array
  /** Hexadecimal. */
  readonly sha256: string
}

/** All manifests of a project, as read. */
export interface Project {
  /** Real path of the working directory. */
  readonly directory: string
  readonly manifests: ReadonlyArray<ProjectManifest>
  /** Over kinds, names and contents; `""` when there is no manifest or one could not be read. */
  readonly digest: string
  /** Why some could not be read. */
  readonly problems: ReadonlyArray<ManifestInvalid>
}

/** The project of a working directory, not of its parents. `home`: our own home, which is not a project. */
export const readProject = Effect.fn("FileManifests.readProject")(function* (cwd: string, home: string) {
  const directory = Option.getOrElse(yield* real(cwd), () => cwd)
  const root = join(directory, ".bot-bottle")
  const none: Project = { directory, manifests: [], digest: "", problems: [] }
  const rootReal = yield* real(root)
  if (Option.isNone(rootReal)) return none
  const homeReal = yield* real(home)
  if (Option.isSome(homeReal) && homeReal.value === rootReal.value) return none
  return yield* readAll(directory, root).pipe(
    Effect.catchAll((problem) => Effect.succeed<Project>({ ...none, problems: [problem] })),
  )
})

const readAll = Effect.fn("FileManifests.readAll")(function* (directory: string, root: string) {
  const names = [
    ...(yield* namesInside(directory, root, "agents")),
    ...(yield* namesInside(directory, root, "bottles")),
  ]
  if (names.length > MAX_FILES)
    return yield* fileInvalid(root, `expected at most ${MAX_FILES} manifest files`)
  const [problems, manifests] = yield* Effect.partition(names, ({ kind, name }) =>
    readOne(directory, root, kind, name),
  )
  return {
    directory,
    manifests,
    problems,
    digest: problems.length > 0 ? "" : digestOf(manifests),
  } satisfies Project
})

const namesInside = Effect.fn("FileManifests.namesInside")(function* (
  directory: string,
  root: string,
  kind: ManifestKind,
) {
  const folder = join(root, kind)
  const folderReal = yield* real(folder)
  if (Option.isNone(folderReal)) return []
  if (!folderReal.value.startsWith(directory + sep))
    return yield* fileInvalid(folder, "is a link that leaves the project: expected a folder inside it")
  return (yield* manifestNames(root, kind)).map((name) => ({ kind, name }))
})

const readOne = Effect.fn("FileManifests.readOne")(function* (
  directory: string,
  root: string,
  kind: ManifestKind,
  name: string,
) {
  const file = manifestPath(root, kind, name)
  const bytes = yield* readBounded(file, directory)
  if (Option.isNone(bytes)) return yield* fileInvalid(file, "expected a readable file, not a broken link")
  return { kind, name, file, bytes: bytes.value, sha256: sha256(bytes.value) } satisfies ProjectManifest
})

/** The problem of a project's manifest, if any: it cannot be parsed, or has a key that only the home may have. */
export const contentProblem = (manifest: ProjectManifest): Effect.Effect<Option.Option<ManifestInvalid>> =>
  (manifest.kind === "agents"
    ? Effect.asVoid(parseAgent(manifest.file, manifest.name, manifest.bytes))
    : parseProjectBottle(manifest.file, manifest.bytes)
  ).pipe(Effect.flip, Effect.option)

/** A bottle of a project. It is invalid if it has what only the home may have. */
export const parseProjectBottle = Effect.fn("FileManifests.parseProjectBottle")(function* (
  file: string,
  bytes: Uint8Array,
) {
  const bottle = yield* parseBottle(file, bytes)
  const problem = projectProblem(file, bottle)
  return Option.isSome(problem) ? yield* problem.value : bottle
})

const real = (path: string) => orAbsent(path, "expected a readable path")(() => realpath(path))

/** SHA-256 in hexadecimal. */
export const sha256 = (content: string | Uint8Array): string =>
  createHash("sha256").update(content).digest("hex")

const digestOf = (manifests: ReadonlyArray<ProjectManifest>): string =>
  manifests.length === 0
    ? ""
    : sha256(JSON.stringify(manifests.map(({ kind, name, sha256 }) => [kind, name, sha256])))
