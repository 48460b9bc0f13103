/** Inspects a push before any of it reaches the upstream: protected paths, and secrets in every received object. */
import { Effect, Stream } from "effect"
import { protectedBy } from "../../domain/PushPolicy.ts"
import type { ProcessRunner } from "../../services/ProcessRunner.ts"
import type { ScanFailed, SecretFinding, SecretScannerApi } from "../../services/SecretScanner.ts"
import { gitSpec } from "../../domain/HardenedGit.ts"
import { frameOf } from "../../domain/ScanFrames.ts"
import { eachRecord } from "./look.ts"
import type { GitFailure } from "./GitFailure.ts"
import type { GitContext, Repository } from "./Repository.ts"

/** An object that the upstream does not have. */
export interface FreshObject {
  readonly type: string
  /** Bytes. */
  readonly size: number
}

/** A push that was unpacked in isolation. */
export interface Quarantine {
  readonly runner: typeof ProcessRunner.Service
  readonly repository: Repository
  /** Its objects. Those of the upstream are found in addition. */
  readonly objects: { readonly directory: string; readonly alternates: ReadonlyArray<string> }
  /** All its objects that the upstream does not have, reachable or not, by ID. */
  readonly fresh: ReadonlyMap<string, FreshObject>
  /** Objects reachable from its branches and not from the upstream's, with a path of each; commits have none. */
  readonly reached: ReadonlyArray<{ readonly id: string; readonly path: string }>
  readonly tips: ReadonlyArray<string>
  readonly refs: ReadonlyArray<string>
}

/** It is in memory as text. */
const LIST_BYTES_MAX = 8 * 1024 * 1024

/** A push that was unpacked, before anything is known of its objects. */
export type Unpacked = Omit<Quarantine, "fresh" | "reached">

const listed = (
  { runner, repository, objects }: Unpacked,
  args: ReadonlyArray<string>,
  more: { readonly separator?: "\0"; readonly stdin?: string } = {},
) =>
  Effect.suspend(() => {
    const records: Array<string> = []
    const { directory } = repository
    const listing = { separator: "\n", directory, objects, args, bytesMax: LIST_BYTES_MAX, ...more } as const
    return Effect.as(
      eachRecord(runner, listing, (record) => records.push(record)),
      records,
    )
  })

const revList = (quarantine: Unpacked, option: string) =>
  listed(quarantine, ["rev-list", option, ...quarantine.tips, "--not", "--all"])

/** Objects reachable from its branches and not from the upstream's, with a path of each. Fails when one is missing. */
export const newObjects = (quarantine: Unpacked) =>
  Effect.map(revList(quarantine, "--objects"), (lines) =>
    lines.map((line) => ({ id: line.slice(0, 40), path: line.slice(41) })),
  )

/** The commits of the push: those that are reached are not the upstream's. */
const newCommits = ({ reached, fresh }: Quarantine): ReadonlyArray<string> =>
  reached.flatMap(({ id }) => (fresh.get(id)?.type === "commit" ? [id] : []))

/**
 * Paths that a commit of the push changes, compared with its parent, or in a merge with all parents at once: changes from the
 * upstream's own history do not count, and changes that a merge adds itself do.
 */
export const changedPaths = Effect.fnUntraced(function* (quarantine: Quarantine) {
  const commits = newCommits(quarantine)
  if (commits.length === 0) return []
  const names = yield* listed(
    quarantine,
    ["diff-tree", "--stdin", "-r", "-c", "-z", "--name-only", "--root", "--no-commit-id", "--no-renames"],
    { separator: "\0", stdin: commits.map((id) => `${id}\n`).join("") },
  )
  return [...new Set(names.filter((name) => name !== ""))]
})

/** Lines that say which protected paths are touched that nobody approved. */
export const protectedProblems = (
  { withoutApproved }: Pick<GitContext, "withoutApproved">,
  { name, protectedPaths }: Repository["upstream"],
  paths: ReadonlyArray<string>,
): Effect.Effect<ReadonlyArray<string>, GitFailure> => {
  const entryOf = (path: string) => protectedBy(protectedPaths, path)
  return Effect.map(
    withoutApproved(
      name,
      paths.filter((path) => entryOf(path) !== undefined),
    ),
    (left) => left.map((path) => `${path}: protected (${entryOf(path)})`),
  )
}

const NAMES = "names"
const PATHS = "paths"

/** Lines that say which file has a secret, on which line and by which rule; empty when there is none. */
export const secretProblems = Effect.fnUntraced(function* (
  scanner: SecretScannerApi,
  quarantine: Quarantine,
  paths: ReadonlyArray<string>,
): Effect.fn.Return<ReadonlyArray<string>, GitFailure | ScanFailed> {
  const names = Stream.make(frameOf(NAMES, quarantine.refs.join("\n")), frameOf(PATHS, paths.join("\n")))
  const found = yield* scanner.scan(Stream.concat(names, objectsOf(quarantine, [...quarantine.fresh.keys()])))
  if (found.length === 0) return []
  const pathOf = pathsOf(quarantine)
  const known = yield* upstreamFindings(scanner, quarantine, found, pathOf)
  const withheld = new Set(found.flatMap(({ object, line }) => (object === PATHS ? [paths[line - 1]] : [])))
  const shown = (object: string) => {
    const path = pathOf.get(object)
    return path === undefined ? undefined : withheld.has(path) ? "(a path with a secret)" : path
  }
  const lines = found
    .filter(({ object, rule, digest }) => !known.has(`${pathOf.get(object) ?? ""}\0${rule}\0${digest}`))
    .map((finding) => describe(finding, shown(finding.object), pathOf))
  return [...new Set(lines)]
})

const describe = (
  { object, line, rule }: SecretFinding,
  path: string | undefined,
  pathOf: ReadonlyMap<string, string>,
): string => {
  if (object === NAMES) return `the name of a branch: ${rule}`
  if (object === PATHS) return `the name of a file: ${rule}`
  if (path === undefined)
    return `object ${object.slice(0, 10)}, which is no file of a branch:${line}: ${rule}`
  if (path === COMMIT) return `commit ${object.slice(0, 10)} (its message or names):${line}: ${rule}`
  return path === "" || pathOf.get(object) === ""
    ? `the name of a file at the top: ${rule}`
    : `${path}:${line}: ${rule}`
}

/** Used in place of a path. */
const COMMIT = "\0commit"

const objectsOf = (
  { runner, repository, objects }: Quarantine,
  ids: ReadonlyArray<string>,
): Stream.Stream<Uint8Array, unknown> =>
  Stream.unwrapScoped(
    Effect.map(
      runner.stream(
        gitSpec({
          directory: repository.directory,
          objects,
          args: ["cat-file", "--batch", "--buffer"],
          stdin: ids.map((id) => `${id}\n`).join(""),
        }),
      ),
      ({ output, exit }) =>
        output.pipe(
          Stream.filter(({ stream }) => stream === "stdout"),
          Stream.map(({ bytes }) => bytes),
          Stream.concat(
            Stream.drain(
              Stream.fromEffect(
                Effect.filterOrFail(
                  exit,
                  ({ exitCode }) => exitCode === 0,
                  () => "git cat-file failed",
                ),
              ),
            ),
          ),
        ),
    ),
  )

/** A path of each object reachable from a branch of the push. */
const pathsOf = (quarantine: Quarantine): ReadonlyMap<string, string> => {
  const commits = new Set(newCommits(quarantine))
  return new Map(quarantine.reached.map(({ id, path }) => [id, commits.has(id) ? COMMIT : path]))
}

/**
 * The scanner's findings in the upstream's version of the same paths: a file can be changed despite findings that were there before.
 * This does not apply to known secrets.
 */
const upstreamFindings = Effect.fnUntraced(function* (
  scanner: SecretScannerApi,
  quarantine: Quarantine,
  found: ReadonlyArray<SecretFinding>,
  pathOf: ReadonlyMap<string, string>,
) {
  const paths = new Set(
    found.flatMap(({ object, digest }) => {
      const path = pathOf.get(object)
      return digest === "" || path === undefined || path === COMMIT || path.includes("\n") ? [] : [path]
    }),
  )
  if (paths.size === 0) return new Set<string>()
  const boundary = (yield* revList(quarantine, "--boundary")).flatMap((line) =>
    line.startsWith("-") ? [line.slice(1)] : [],
  )
  const specs = [...paths].flatMap((path) => ["HEAD", ...boundary].map((commit) => ({ path, commit })))
  const resolved = yield* listed(quarantine, ["cat-file", "--batch-check=%(objectname)"], {
    stdin: specs.map(({ path, commit }) => `${commit}:${path}\n`).join(""),
  })
  const pathsById = new Map<string, Set<string>>()
  for (const [at, line] of resolved.entries()) {
    const path = specs[at]?.path
    if (path === undefined || !/^[0-9a-f]{40}$/.test(line)) continue
    pathsById.set(line, (pathsById.get(line) ?? new Set()).add(path))
  }
  const before = yield* scanner.scan(objectsOf(quarantine, [...pathsById.keys()]))
  return new Set(
    before.flatMap(({ object, rule, digest }) =>
      digest === "" ? [] : [...(pathsById.get(object) ?? [])].map((path) => `${path}\0${rule}\0${digest}`),
    ),
  )
})
