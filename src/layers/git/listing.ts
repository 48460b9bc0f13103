/**
 * Lists an untrusted working tree with git from an empty repository made for the purpose: only its index and exclude list are copied
 * there, as data.
 */
import { Effect } from "effect"
import type { Scope } from "effect"
import { createHash } from "node:crypto"
import { constants, existsSync } from "node:fs"
import { mkdir, mkdtemp, open, readdir, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join, relative, resolve } from "node:path"
import { InvalidInput } from "../../domain/Errors.ts"
import type { ProcessResult } from "../../services/ProcessRunner.ts"
import { ProcessRunner } from "../../services/ProcessRunner.ts"
import { type GitRun, gitSpec } from "../../domain/HardenedGit.ts"
import { operatorExcludes } from "./operatorExcludes.ts"

/** No repository has 64 MiB of names. A truncated list would silently leave files out. */
const MAX_LIST_BYTES = 64 * 1024 * 1024
/** An index of two million files. */
const MAX_INDEX_BYTES = 256 * 1024 * 1024
const MAX_TEXT_BYTES = 1024 * 1024
const TIMEOUT_MS = 60_000

/** Git's listing of a folder. */
export interface Listed {
  /** Lines of the index: `<mode> <hash> <stage>\t<path>`. */
  readonly staged: ReadonlyArray<string>
  /** Untracked files that neither the repository nor the operator ignores. */
  readonly others: ReadonlyArray<string>
}

/** A working directory that cannot be copied, and why. */
export const invalid = (reason: string): InvalidInput => new InvalidInput({ field: "cwd", reason })

/** Lists the working tree that contains `root`, from `root` down. Not a git working tree: `InvalidInput`. */
export const listPaths = Effect.fnUntraced(function* (
  root: string,
): Effect.fn.Return<Listed, InvalidInput, ProcessRunner> {
  const found = yield* findRepository(root)
  if (found === undefined)
    return yield* invalid(`${root} is not a git working tree: --copy-cwd takes along what git lists`)
  return yield* Effect.scoped(
    Effect.gen(function* () {
      const own = yield* ownRepository(found)
      const list = (args: ReadonlyArray<string>) =>
        git({ args, cwd: root, directory: own.directory, env: { GIT_WORK_TREE: found.top } }).pipe(
          Effect.filterOrElse(
            ({ exitCode }) => exitCode === 0,
            ({ stderr }) => invalid(`git could not list ${root}: ${own.hint}${lastLine(stderr)}`),
          ),
          Effect.flatMap(({ stdout }) => names(root, stdout)),
        )
      const staged = yield* list(["ls-files", "-z", "--cached", "--stage"])
      const others = yield* list([
        "ls-files",
        "-z",
        "--others",
        "--exclude-per-directory=.gitignore",
        `--exclude-from=${own.exclude}`,
      ])
      const ignored = yield* ignoredByOperator(own, found.top, relative(found.top, root), others)
      return { staged, others: others.filter((path) => !ignored.has(path)) }
    }),
  )
})

/** An untrusted repository. */
interface Found {
  /** The top folder of the working tree. */
  readonly top: string
  /** Path of its index. */
  readonly directory: string
  /** Folder of its exclude list; in a linked working tree this is another folder. */
  readonly common: string
}

/**
 * Looks for `.git` from a folder upwards, as git does. A folder that looks like a bare repository is ignored: it may be a part of the
 * tree, with a configuration by the tree's author.
 */
const findRepository = (folder: string): Effect.Effect<Found | undefined> =>
  Effect.gen(function* () {
    const entry = join(folder, ".git")
    const link = yield* readData(entry, MAX_TEXT_BYTES)
    const named = /^gitdir: (.+?)[\r\n]*$/s.exec(link?.toString("utf8") ?? "")?.[1]
    const directory = named === undefined ? entry : resolve(folder, named)
    if ((yield* readData(join(directory, "HEAD"), MAX_TEXT_BYTES)) !== undefined) {
      const common = (yield* readData(join(directory, "commondir"), MAX_TEXT_BYTES))?.toString("utf8").trim()
      return { top: folder, directory, common: common === undefined ? directory : resolve(directory, common) }
    }
    const above = dirname(folder)
    return above === folder ? undefined : yield* findRepository(above)
  })

interface Own {
  readonly directory: string
  readonly exclude: string
  /** An empty working tree. */
  readonly empty: string
  /** What is known about why git may fail to read the index. */
  readonly hint: string
}

/** Makes an empty repository with our configuration and without objects, and copies the index into it. */
const ownRepository = Effect.fnUntraced(function* (
  found: Found,
): Effect.fn.Return<Own, InvalidInput, ProcessRunner | Scope.Scope> {
  const place = yield* Effect.acquireRelease(
    io(() => mkdtemp(join(tmpdir(), "bot-bottle-listing-"))),
    (path) => Effect.ignore(io(() => rm(path, { recursive: true, force: true }))),
  )
  const own = {
    directory: join(place, "git"),
    exclude: join(place, "exclude"),
    empty: join(place, "empty"),
  }
  const index = yield* readIndex(found.directory)
  const format = index !== undefined && isSha256(index) ? ["--object-format=sha256"] : []
  // Non-bare, because git then detects how this machine compares file names.
  const made = yield* git({
    args: ["init", "--quiet", "--template=", ...format],
    directory: own.directory,
    env: { GIT_WORK_TREE: place },
  })
  if (made.exitCode !== 0) return yield* invalid(`git could not make a repository: ${lastLine(made.stderr)}`)
  yield* io(() => mkdir(own.empty))
  const exclude = yield* readData(join(found.common, "info", "exclude"), MAX_TEXT_BYTES)
  yield* io(() => writeFile(own.exclude, exclude ?? ""))
  if (index !== undefined) yield* io(() => writeFile(join(own.directory, "index"), index))
  yield* copySharedIndex(found.directory, own.directory)
  const hint = index?.includes("sdir")
    ? "its index is sparse, and git would have to read objects for it (git sparse-checkout reapply --no-sparse-index changes that): "
    : ""
  return { ...own, hint }
})

/** Without an index the repository is empty. An unreadable index is an error, since all files would otherwise count as untracked. */
const readIndex = Effect.fnUntraced(function* (directory: string) {
  const path = join(directory, "index")
  const index = yield* readData(path, MAX_INDEX_BYTES)
  if (index === undefined && existsSync(path))
    return yield* invalid(`${path} cannot be read as a file, or is larger than 256 MiB`)
  return index
})

/** A split index only contains the differences to a shared one. */
const copySharedIndex = Effect.fnUntraced(function* (from: string, to: string) {
  const all = yield* Effect.orElseSucceed(
    io(() => readdir(from)),
    (): ReadonlyArray<string> => [],
  )
  for (const name of all.filter((entry) => /^sharedindex\.[0-9a-f]+$/.test(entry))) {
    const content = yield* readData(join(from, name), MAX_INDEX_BYTES)
    if (content !== undefined) yield* io(() => writeFile(join(to, name), content))
  }
})

/** An index ends with a hash of its content. */
const isSha256 = (index: Buffer): boolean =>
  createHash("sha256").update(index.subarray(0, -32)).digest().equals(index.subarray(-32))

/**
 * The files that the operator's own list ignores. It is evaluated in an empty tree: in the untrusted one a `.gitignore` could override
 * it, since git lets the nearest list decide.
 */
const ignoredByOperator = Effect.fnUntraced(function* (
  own: Own,
  top: string,
  below: string,
  paths: ReadonlyArray<string>,
): Effect.fn.Return<ReadonlySet<string>, InvalidInput, ProcessRunner> {
  const excludes = yield* Effect.mapError(operatorExcludes(own.directory, top), invalid)
  if (excludes === undefined || paths.length === 0) return new Set()
  // Without `./` git would read a name such as `:!x` as a pattern.
  const asked = new Map(paths.map((path) => [`./${join(below, path)}`, path]))
  const { exitCode, stdout, stderr } = yield* git({
    args: ["check-ignore", "-z", "--stdin", "--no-index"],
    cwd: own.empty,
    directory: own.directory,
    config: [["core.excludesFile", excludes]],
    env: { GIT_WORK_TREE: own.empty },
    stdin: [...asked.keys()].map((path) => `${path}\0`).join(""),
  })
  // 1 means that none is ignored.
  if (exitCode > 1) return yield* invalid(`git could not read ${excludes}: ${lastLine(stderr)}`)
  const ignored = yield* names(top, stdout)
  return new Set(ignored.flatMap((path) => asked.get(path) ?? []))
})

const git = (run: GitRun): Effect.Effect<ProcessResult, InvalidInput, ProcessRunner> =>
  Effect.flatMap(ProcessRunner, (runner) =>
    runner.run(gitSpec({ timeoutMs: TIMEOUT_MS, maxOutputBytes: MAX_LIST_BYTES, ...run })),
  ).pipe(Effect.mapError((error) => invalid(`git is needed for --copy-cwd: ${error.message}`)))

/** Splits a list of names, each terminated by a zero byte. */
const names = Effect.fnUntraced(function* (root: string, list: string) {
  if (Buffer.byteLength(list) >= MAX_LIST_BYTES) return yield* invalid(`${root} has too many files`)
  // node decodes invalid UTF-8 to this character: such a name cannot be copied.
  if (list.includes("\uFFFD")) return yield* invalid(`${root} has a file whose name is not UTF-8`)
  return list.split("\0").filter((line) => line !== "")
})

const lastLine = (text: string): string => text.trim().split("\n").at(-1) ?? ""

/** The content of a regular file up to a size; undefined for anything else, since reading a pipe or a device could block. */
const readData = (path: string, bytesMax: number): Effect.Effect<Buffer | undefined> =>
  Effect.acquireUseRelease(
    Effect.tryPromise(() => open(path, constants.O_RDONLY | constants.O_NONBLOCK)),
    (file) =>
      Effect.gen(function* () {
        const found = yield* Effect.tryPromise(() => file.stat())
        if (!found.isFile() || found.size > bytesMax) return undefined
        return yield* Effect.tryPromise(() => file.readFile())
      }),
    (file) => Effect.ignore(Effect.tryPromise(() => file.close())),
  ).pipe(Effect.orElseSucceed(() => undefined))

const io = <A>(act: () => Promise<A>): Effect.Effect<A, InvalidInput> =>
  Effect.tryPromise({
    try: act,
    catch: (cause) => invalid(`a temporary folder for the listing could not be used: ${String(cause)}`),
  })
