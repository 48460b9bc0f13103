/**
 * The run directory on the host: mode 0700 and owned by us, with the neck's directory inside, whose files are written anew for each
 * run.
 */
import { Effect } from "effect"
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs"
import { dirname, join } from "node:path"
import type { BottlePlan, RunFile } from "../../domain/Bottle.ts"
import type { InvalidInput } from "../../domain/Errors.ts"
import { BackendFailure, LaunchRefused } from "../../domain/Errors.ts"
import type { BottlePaths } from "../home/Home.ts"
import { SOCKET_PATH_MAX } from "../../domain/Neck.ts"
import { Home } from "../home/Home.ts"
import { packageFile } from "../home/packageRoot.ts"
import { outputLimitFile } from "./cutOutput.ts"
import type { RunFilesOptions } from "./runFiles.ts"
import { SCRIPTS, SIDECAR_FILES, runFiles } from "./runFiles.ts"

/**
 * The file with the owner of a run directory: the directory's name does not reveal its slug, and several homes may share a
 * `BOT_BOTTLE_RUN_DIR`.
 */
export const OWNER = "bottle.json"

/** Creates the run directory of a slug (0700) and the neck's directory inside (0755). Fails unless we own both as real directories. */
export const ensureRunDirectory = Effect.fn("RunDirectory.ensure")(function* (slug: string) {
  const home = yield* Home
  const paths = home.of(slug)
  yield* socketPathFits(paths.neckSocket)
  yield* Effect.try({
    try: () => {
      mkdirSync(home.runRoot, { recursive: true, mode: 0o700 })
      makeDirectory(paths.run, 0o700)
    },
    catch: (cause) => failure(slug, cause),
  })
  yield* refuseForeign(paths.run, slug)
  yield* Effect.try({
    try: () => {
      chmodSync(paths.run, 0o700)
      makeDirectory(paths.neck, 0o755)
    },
    catch: (cause) => failure(slug, cause),
  })
  yield* refuseForeign(paths.neck, slug)
  // Independent of the umask: the agent's user reads it through the mount.
  yield* Effect.try({
    try: () => {
      chmodSync(paths.neck, 0o755)
      writeFileSync(join(paths.run, OWNER), JSON.stringify({ home: home.root, slug }), { mode: 0o600 })
    },
    catch: (cause) => failure(slug, cause),
  })
  return paths
})

/**
 * Writes all files of a run into the neck's directory, and removes those of an earlier run. The sidecar's own files stay.
 * `neckDirectory` is its path for the agent, `/run/bottle` unless given.
 */
export const writeRunDirectory: (
  plan: BottlePlan,
  options?: Pick<RunFilesOptions, "neckDirectory">,
) => Effect.Effect<BottlePaths, InvalidInput | LaunchRefused | BackendFailure> = Effect.fn(
  "RunDirectory.write",
)(function* (plan, options = {}) {
  const scripts = yield* readScripts(plan.slug)
  const files = yield* runFiles(plan, { ...options, scripts })
  const paths = yield* ensureRunDirectory(plan.slug)
  yield* Effect.try({
    try: () => {
      for (const name of readdirSync(paths.neck)) {
        if (!SIDECAR_FILES.has(name)) rmSync(join(paths.neck, name), { recursive: true, force: true })
      }
      for (const file of files) writeRunFile(paths.neck, file)
      const { outputBytes } = plan.limits
      if (outputBytes === undefined) rmSync(outputLimitFile(paths.run), { force: true })
      else writeFileSync(outputLimitFile(paths.run), String(outputBytes), { mode: 0o600 })
    },
    catch: (cause) => failure(plan.slug, cause),
  })
  return paths
})

/** Removes the run directory. Succeeds when there is none. */
export const removeRunDirectory = Effect.fn("RunDirectory.remove")(function* (slug: string) {
  const home = yield* Home
  yield* Effect.try({
    // When a part of the path is no folder, there is nothing to remove, and rm would fail.
    try: () => {
      if (existsSync(home.runRoot)) rmSync(home.of(slug).run, { recursive: true, force: true })
    },
    catch: (cause) => failure(slug, cause),
  })
})

/** Sets modes independently of the umask: another user reads these files through the mount. */
const writeRunFile = (neck: string, file: RunFile) => {
  const path = join(neck, file.path)
  for (const folder of foldersOf(file.path)) {
    makeDirectory(join(neck, folder), 0o755)
    chmodSync(join(neck, folder), 0o755)
  }
  writeFileSync(path, file.content, { flag: "wx", encoding: file.base64 === true ? "base64" : "utf8" })
  chmodSync(path, file.mode ?? 0o644)
}

/** `a` and `a/b` of `a/b/c`. */
const foldersOf = (path: string): ReadonlyArray<string> => {
  const folder = dirname(path)
  return folder === "." ? [] : [...foldersOf(folder), folder]
}

const makeDirectory = (path: string, mode: number) => {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) mkdirSync(path, { recursive: true, mode })
}

/** Another owner of the directory, or whoever placed a link there, could read the neck. */
const refuseForeign = (path: string, slug: string): Effect.Effect<void, LaunchRefused | BackendFailure> =>
  Effect.try({ try: () => lstatSync(path), catch: (cause) => failure(slug, cause) }).pipe(
    Effect.flatMap((stat) =>
      stat.isDirectory() && stat.uid === (process.getuid?.() ?? stat.uid)
        ? Effect.void
        : Effect.fail(
            new LaunchRefused({
              reason: `${path} is not a directory of the user who runs bot-bottle: remove it, or set BOT_BOTTLE_RUN_DIR to a directory of your own`,
            }),
          ),
    ),
  )

/** unix(7) allows 107 bytes for a socket's path. A longer path is cut off or refused, depending on the program. */
const socketPathFits = (path: string): Effect.Effect<void, LaunchRefused> => {
  const bytes = Buffer.byteLength(path)
  return bytes <= SOCKET_PATH_MAX
    ? Effect.void
    : Effect.fail(
        new LaunchRefused({
          reason: `the path ${path} has ${bytes} bytes, and a socket's path has at most ${SOCKET_PATH_MAX}: set BOT_BOTTLE_RUN_DIR to a shorter directory`,
        }),
      )
}

const readScripts = (slug: string): Effect.Effect<RunFilesOptions["scripts"], BackendFailure> =>
  Effect.try({
    try: () =>
      Object.fromEntries(
        SCRIPTS.map((name) => [name, readFileSync(packageFile("bottle", name), "utf8")]),
      ) as RunFilesOptions["scripts"],
    catch: (cause) => failure(slug, cause),
  })

const failure = (slug: string, cause: unknown) =>
  new BackendFailure({
    backend: "run directory",
    operation: "create",
    target: slug,
    reason: cause instanceof Error ? cause.message : String(cause),
    cause,
  })
