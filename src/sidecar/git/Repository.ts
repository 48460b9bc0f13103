/**
 * A bottle's own bare repository: its refs are the upstream's as this bottle's credential shows them, and its objects are in a store of
 * upstream objects.
 */
import { Clock, Effect, Option, Stream } from "effect"
import { mkdir, readdir, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { ProcessResult, ProcessRunner } from "../../services/ProcessRunner.ts"
import { type GitRun, gitSpec } from "../../domain/HardenedGit.ts"
import { type FileFailure, file, replaceFile, textOf, ensureDirectory } from "../../files/files.ts"
import type { WithoutApproved } from "./approvedPaths.ts"
import { GitFailure } from "./GitFailure.ts"
import { type Reach, type ReachContext, makeReach } from "./reach.ts"
import { failureOf, remoteLines } from "./refusals.ts"
import { makeStore, tidyStore } from "./store.ts"
import type { Upstream } from "./Upstream.ts"

/** Shared by the repositories of one sidecar. */
export interface GitContext extends ReachContext {
  readonly runner: typeof ProcessRunner.Service
  readonly slug: string
  /** Shared by all bottles of this installation: upstream objects, by URL and credential. */
  readonly storesDirectory: string
  readonly progressMs: number
  readonly withoutApproved: WithoutApproved
  /** Runs something in the background, until it ends or the sidecar does. */
  readonly inBackground: (work: Effect.Effect<void>) => Effect.Effect<void>
}

/** An open repository. */
export interface Repository {
  readonly upstream: Upstream
  readonly directory: string
  /** Objects of the upstream only. */
  readonly store: string
  /** Fetches new refs and objects from the upstream, with this bottle's credential. */
  readonly sync: Effect.Effect<void, GitFailure>
  /** The same, unless it was just done: the requests of one fetch follow each other closely. */
  readonly syncRecently: Effect.Effect<void, GitFailure>
  /**
   * The same as `sync`, with fewer requests when it was just done. Returns where the upstream's HEAD is now: a full ref, or a commit;
   * none when it points to nothing.
   */
  readonly syncWithHead: Effect.Effect<Option.Option<string>, GitFailure>
  /** Runs git locally. */
  readonly git: (run: GitRun) => Effect.Effect<ProcessResult, GitFailure>
  /** Runs git with the upstream. Ends it when it is silent for too long. */
  readonly gitUpstream: (run: GitRun) => Effect.Effect<ProcessResult, GitFailure>
}

const RECENT_MS = 10_000
const TIDY_MS = 3_600_000
const REFSPECS = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"]

/** Creates the repository, or opens the one of an earlier sidecar. */
export const openRepository = (
  context: GitContext,
  upstream: Upstream,
): Effect.Effect<Repository, GitFailure> =>
  Effect.gen(function* () {
    const directory = join(context.directory, `${upstream.name}.git`)
    const storeRoot = join(context.storesDirectory, upstream.key)
    const store = join(storeRoot, "objects")
    const git = runGit(context, directory)
    yield* prepare(git, directory, storeRoot)
    const reach = yield* Effect.mapError(makeReach(context, upstream), placeFailure)
    const gitUpstream = runUpstream(context, directory, upstream, Effect.mapError(reach, ours))
    const oneAtATime = Effect.unsafeMakeSemaphore(1).withPermits(1)
    const asked = { at: 0, head: false, tidied: 0 }
    const tidy = Effect.catchAll(tidyStore({ git, store }), (error) =>
      Effect.logDebug("an object store could not be cleaned up", error),
    )

    const { url } = upstream
    const ask = (...refs: ReadonlyArray<string>) =>
      gitUpstream({ args: ["ls-remote", "--symref", "--", url, "HEAD", ...refs] })
    const fetching = gitUpstream({
      args: ["fetch", "--progress", "--prune", "--no-tags", "--no-write-fetch-head", "--", url, ...REFSPECS],
      objects: { directory: store },
    })
    const fetch = Effect.gen(function* () {
      yield* fetching
      if (!asked.head) {
        const head = Option.getOrElse(headOf((yield* ask()).stdout), () => "")
        if (head.startsWith("refs/")) yield* git({ args: ["symbolic-ref", "HEAD", head] })
        asked.head = true
      }
      yield* context.inBackground(saveTips(git, storeRoot))
    })
    const syncSince = (recent: number) =>
      Effect.gen(function* () {
        const since = (yield* Clock.currentTimeMillis) - recent
        yield* oneAtATime(
          Effect.gen(function* () {
            if (asked.at > since) return
            asked.at = 0
            const start = yield* Clock.currentTimeMillis
            yield* fetch
            asked.at = start
            if (start - asked.tidied < TIDY_MS) return
            asked.tidied = start
            yield* context.inBackground(Effect.asVoid(tidy))
          }),
        )
      })
    const [sync, syncRecently] = [syncSince(0), syncSince(RECENT_MS)]
    const syncWithHead = Effect.gen(function* () {
      yield* syncRecently
      const { stdout } = yield* ask("refs/heads/*", "refs/tags/*")
      if (stdout.length >= OUTPUT_MAX) {
        yield* sync
        return headOf((yield* ask()).stdout)
      }
      const known = yield* listRefs(git)
      if (sorted(refsOf(stdout)) !== sorted(known.stdout)) yield* sync
      return headOf(stdout)
    })
    return { upstream, directory, store, git, gitUpstream, sync, syncRecently, syncWithHead }
  })

/** Of the output of `git ls-remote --symref`. */
const headOf = (listed: string): Option.Option<string> =>
  Option.fromNullable(/^(?:ref: (?=refs\/heads\/))?(\S+)\tHEAD$/m.exec(listed)?.[1])

/** The branches and tags of that output, each as `<object> <ref>`. A line with `^{}` says what a tag points to. */
const refsOf = (listed: string): string =>
  [...listed.matchAll(/^([0-9a-f]+)\t(refs\/(?:heads|tags)\/.*(?<!\^\{\}))$/gm)]
    .map(([, id, ref]) => `${id} ${ref}\n`)
    .join("")

const sorted = (lines: string): string => lines.split("\n").sort().join("\n")

const ours = (reason: string) => new GitFailure({ reason, remote: [] })

const placeFailure = ({ code }: FileFailure) => ours(`its directory could not be created (${code})`)

/** Removes incomplete files of an earlier sidecar, which is gone, because there is only one for each bottle. */
const prepare = Effect.fnUntraced(function* (git: Repository["git"], directory: string, storeRoot: string) {
  const isHere = <A>(effect: Effect.Effect<A, FileFailure>) => Effect.mapError(effect, placeFailure)
  yield* isHere(ensureDirectory(directory))
  yield* git({ args: ["init", "--quiet", "--bare", "--template="] })
  yield* isHere(
    Effect.gen(function* () {
      const all = yield* file(() => readdir(directory, { recursive: true }))
      for (const name of all.filter((name) => name.endsWith(".lock")))
        yield* file(() => rm(join(directory, name), { recursive: true, force: true }))
      const isOther = yield* borrow(directory, storeRoot)
      const isEmpty = yield* makeStore(storeRoot)
      if (!isOther && !isEmpty) return
      yield* clearRefs(directory)
      // Refs of an earlier bottle, so that objects in the store are not fetched again. The first sync corrects them.
      const tips = yield* textOf(join(storeRoot, "tips"))
      yield* file(() => writeFile(join(directory, "packed-refs"), tips))
    }),
  )
})

/** Sets where objects are borrowed from. Returns whether that has changed: refs may then point to nothing. */
const borrow = Effect.fnUntraced(function* (directory: string, storeRoot: string) {
  const info = join(directory, "objects", "info")
  const text = `${join(storeRoot, "objects")}\n`
  const before = yield* textOf(join(info, "alternates"))
  if (before === text) return false
  yield* clearRefs(directory)
  yield* file(() => mkdir(info, { recursive: true }))
  yield* file(() => writeFile(join(info, "alternates"), text))
  return true
})

const clearRefs = Effect.fnUntraced(function* (directory: string) {
  for (const name of ["packed-refs", join("refs", "heads"), join("refs", "tags")])
    yield* file(() => rm(join(directory, name), { recursive: true, force: true }))
})

const listRefs = (git: Repository["git"]) =>
  git({
    args: ["for-each-ref", "--format=%(objectname) %(refname)"],
    maxOutputBytes: 64 * 1024 * 1024,
  })

const saveTips = (git: Repository["git"], storeRoot: string) =>
  listRefs(git).pipe(
    Effect.flatMap(({ stdout }) => replaceFile(join(storeRoot, "tips"), stdout)),
    Effect.ignore,
  )

const runGit =
  ({ runner }: GitContext, directory: string): Repository["git"] =>
  (run) =>
    runner.run(gitSpec({ directory, ...run })).pipe(
      Effect.mapError(({ message }) => ours(message)),
      Effect.filterOrFail(
        ({ exitCode }) => exitCode === 0,
        ({ exitCode, stderr }) =>
          ours(`git ${run.args[0] ?? ""} ended with ${exitCode}: ${lastLine(stderr)}`),
      ),
    )

const lastLine = (text: string): string => text.trim().split("\n").at(-1) ?? ""

const OUTPUT_MAX = 4 * 1024 * 1024

/** With `--progress` git prints something while data moves, so silence means a stuck transfer. */
const runUpstream =
  (
    { runner, progressMs }: GitContext,
    directory: string,
    upstream: Upstream,
    reach: Effect.Effect<Reach, GitFailure>,
  ): Repository["gitUpstream"] =>
  (run) =>
    Effect.gen(function* () {
      const { config, env } = yield* reach
      const spec = gitSpec({
        directory,
        ...run,
        protocols: [upstream.protocol.slice(0, -1)],
        config: [...upstream.config, ...config],
        env: { ...env, ...run.env },
      })
      const { output, exit } = yield* runner.stream(spec)
      const said = { stdout: "", stderr: "" }
      yield* output.pipe(
        Stream.timeoutFail(
          () =>
            new GitFailure({
              kind: "Silent",
              reason: `the upstream made no progress for ${Math.round(progressMs / 1000)} s`,
              remote: remoteLines(said.stderr),
            }),
          progressMs,
        ),
        Stream.runForEach(({ stream, bytes }) =>
          Effect.sync(() => {
            said[stream] = `${said[stream]}${Buffer.from(bytes).toString("utf8")}`.slice(-OUTPUT_MAX)
          }),
        ),
      )
      return { ...(yield* exit), ...said }
    }).pipe(
      Effect.scoped,
      Effect.catchTag("ProcessError", ({ message }) => ours(message)),
      Effect.filterOrFail(
        ({ exitCode, stdout }) => exitCode === 0 || stdout.startsWith("To "),
        ({ stderr }) => failureOf(stderr),
      ),
    )
