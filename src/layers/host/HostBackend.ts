/** HostBackend runs an agent as a plain process in its own directory with a clean environment. No isolation at all. */
import { Effect, Option, Ref, Stream } from "effect"
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs"
import { totalmem } from "node:os"
import { dirname, join } from "node:path"
import type { BottlePlan } from "../../domain/Bottle.ts"
import type { InvalidInput } from "../../domain/Errors.ts"
import { BackendUnavailable, FreezeFailed, LaunchRefused } from "../../domain/Errors.ts"
import { DEFAULT_PIDS } from "../../domain/Plan.ts"
import type { Slug } from "../../domain/Slug.ts"
import type { Backend, BackendArtifact, BackendError, CreatedBottle } from "../../services/Backends.ts"
import { ProcessRunner } from "../../services/ProcessRunner.ts"
import { writtenSince } from "../bottle/outputTimes.ts"
import { removeRunDirectory, writeRunDirectory } from "../bottle/runDirectory.ts"
import { workspaceTar } from "../git/workspace.ts"
import type { HomeShape } from "../home/Home.ts"
import { Home } from "../home/Home.ts"
import { folderOfMachine } from "../home/machine.ts"
import type { BoxPaths } from "./box.ts"
import { boxPaths, failed, onDisk, removeBox } from "./box.ts"
import { copyOut } from "./copy.ts"
import { keep, endingOf, lookAt, readRecord, RunRecord, slugsOf } from "../supervisor/control.ts"
import { followOutput, harvest, keepOutput, keptOf, written } from "../supervisor/output.ts"
import { killSession, waitForEnd } from "../supervisor/session.ts"
import { attachBox, startBox, stopBox } from "./agent.ts"

const DEFAULT_MEMORY_MAX = 8 * 1024 ** 3
const DEFAULT_MEMORY = Math.min(Math.floor(totalmem() / 2), DEFAULT_MEMORY_MAX)

const WARNING =
  "the host backend has NO ISOLATION: the agent is a plain process of your user, which can read your files and reach your network; images and limits have no effect"

/** The backend of this machine. */
export const make: Effect.Effect<Backend, BackendUnavailable, ProcessRunner> = Effect.gen(function* () {
  const home = yield* Home
  const runner = yield* ProcessRunner
  if (process.platform === "win32") {
    return yield* new BackendUnavailable({ backend: "host", reason: "it needs a POSIX system" })
  }
  const running = Effect.provideService(ProcessRunner, runner)
  const backend: Backend = {
    name: "host",
    warning: Option.some(WARNING),
    neck: Option.none(),
    needsLoopback: true,
    defaultMemoryBytes: DEFAULT_MEMORY,
    check: Effect.succeed(`host: plain processes below ${home.root}, without isolation`),
    engine: onDisk("inspect", "engine", () => folderOfMachine(home.root)),
    accepts,
    ensureImage: (plan) =>
      plan.image === "" || plan.rehydrate
        ? Effect.void
        : Effect.logInfo(`the host backend does not use the image ${plan.image}`),
    create: (plan) => running(createBox(home, plan)),
    start: (slug) => running(startBox(home, slug)),
    inspect: (slug) => lookAt(boxPaths(home, slug)),
    ending: (slug) => endingOf(boxPaths(home, slug)),
    output: (slug, run) => outputOf(home, slug, run),
    logs: (slug, run, follow, since) => logsOf(home, slug, run, follow, since),
    wait: (slug) => waitForEnd(boxPaths(home, slug)),
    stop: (slug) => stopBox(boxPaths(home, slug)),
    attach: (slug) => running(attachBox(home, slug)),
    shell: (slug) =>
      failed(
        "shell",
        slug,
        `the agent is a plain process of your user: its files are in ${boxPaths(home, slug).box}`,
      ),
    copyOut: (slug, source) => Stream.provideService(copyOut(home, slug, source), ProcessRunner, runner),
    freeze: (slug, run) => freezeBox(home, slug, run),
    remove: (slug) => removeBottle(home, slug),
    removeArtifacts: (slug, kept) => removeArtifacts(boxPaths(home, slug), slug, kept),
    destroy: (slug) => destroyBottle(home, slug),
    list: Effect.sync(() => slugsOf("host", home)).pipe(
      Effect.flatMap((slugs) => Effect.forEach(slugs, (slug) => lookAt(boxPaths(home, slug)))),
      Effect.map((found) => found.flatMap(Option.toArray)),
    ),
    artifacts: Effect.suspend(() => listArtifacts(home)),
  }
  return backend
}).pipe(Effect.withSpan("HostBackend.make"))

/** A plain process has no limits, and no user other than ours. */
const accepts = (plan: BottlePlan): Effect.Effect<void, LaunchRefused> => {
  const { build, limits } = plan
  if (build !== undefined) {
    return refuse(`the host backend has no images and builds none (build: ${build.context}): remove it`)
  }
  const named = [
    limits.cpus === undefined ? [] : ["cpus"],
    limits.diskBytes === undefined ? [] : ["disk"],
    limits.memoryBytes === DEFAULT_MEMORY ? [] : ["memory"],
    limits.pids === DEFAULT_PIDS ? [] : ["pids"],
  ].flat()
  if (named.length > 0) return refuse(`the host backend cannot keep limits of ${named.join(", ")}`)
  return plan.user === undefined || plan.user === ourselves()
    ? Effect.void
    : refuse(`the host backend runs agents as yourself (${ourselves()}), not as ${plan.user}`)
}

const refuse = (reason: string) =>
  Effect.fail(new LaunchRefused({ reason: `${reason}: remove it from the manifest, or use docker` }))

const ourselves = () => `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`

/** A box that was only created is made anew, because its workspace may be incomplete. Any other is left alone. */
const createBox = Effect.fn("Backend.create")(function* (home: HomeShape, plan: BottlePlan) {
  const { slug } = plan
  const paths = boxPaths(home, slug)
  const created: CreatedBottle = { user: ourselves(), imageDigest: "" }
  const earlier = yield* lookAt(paths)
  if (Option.exists(earlier, ({ state }) => state !== "created")) return created
  if (plan.rehydrate && (dirname(plan.image) !== paths.root || !existsSync(plan.image))) {
    return yield* failed("create", slug, `the host backend cannot read the artifact ${plan.image}`)
  }
  yield* removeBox(paths)
  yield* onDisk("create", slug, () => {
    for (const path of [paths.workspace, paths.agentHome, paths.control]) {
      mkdirSync(path, { recursive: true, mode: 0o700 })
    }
  })
  if (plan.rehydrate) yield* thaw(paths, plan)
  else if (plan.workspace !== undefined) yield* fillWorkspace(paths, plan)
  yield* writeRunDirectory(plan, { neckDirectory: home.of(slug).neck }).pipe(
    Effect.provideService(Home, home),
  )
  yield* keep(paths, paths.bottle, RunRecord, { run: plan.run, interactive: plan.interactive })
  return created
})

/** Copied instead of moved, so that a failed launch leaves the artifact as it was. */
const thaw = Effect.fnUntraced(function* (paths: BoxPaths, plan: BottlePlan) {
  const runner = yield* ProcessRunner
  const result = yield* runner
    .run({ command: "cp", args: ["-pPR", `${plan.image}/.`, paths.box] })
    .pipe(Effect.mapError((error) => failed("create", plan.slug, error.message, error)))
  if (result.exitCode !== 0) return yield* failed("create", plan.slug, result.stderr.trim())
})

const fillWorkspace: (
  paths: BoxPaths,
  plan: BottlePlan,
) => Effect.Effect<void, BackendError | InvalidInput, ProcessRunner> = Effect.fnUntraced(
  function* (paths, plan) {
    const runner = yield* ProcessRunner
    const refused = yield* Ref.make(Option.none<InvalidInput>())
    const [uid = 0, gid = 0] = ourselves().split(":").map(Number)
    const stdin = workspaceTar(plan.workspace, { uid, gid, prefix: "workspace" }).pipe(
      Stream.tapError((error) => Ref.set(refused, Option.some(error))),
    )
    const outcome = yield* Effect.either(
      runner.run({ command: "tar", args: ["-x", "-p", "-f", "-"], cwd: paths.box, stdin }),
    )
    const invalid = yield* Ref.get(refused)
    if (Option.isSome(invalid)) return yield* invalid.value
    if (outcome._tag === "Left") return yield* failed("create", plan.slug, outcome.left.message, outcome.left)
    if (outcome.right.exitCode !== 0) return yield* failed("create", plan.slug, outcome.right.stderr.trim())
  },
)

const ofRun = (home: HomeShape, slug: Slug, run: number) =>
  Effect.map(
    readRecord(boxPaths(home, slug)),
    Option.exists((record) => record.run === run),
  )

const outputOf = (home: HomeShape, slug: Slug, run: number) => {
  const paths = boxPaths(home, slug)
  return Stream.unwrap(
    Effect.map(ofRun(home, slug, run), (here) =>
      here ? followOutput(paths).pipe(keepOutput(paths, run)) : Stream.empty,
    ),
  )
}

const logsOf = (
  home: HomeShape,
  slug: Slug,
  run: number,
  follow: boolean,
  since?: number,
): Stream.Stream<Uint8Array, BackendError> => {
  const paths = boxPaths(home, slug)
  return Stream.unwrap(
    Effect.gen(function* () {
      if (existsSync(paths.output(run))) return keptOf(paths, run, since)
      if (!(yield* ofRun(home, slug, run))) return Stream.empty
      return writtenSince(since)(follow ? followOutput(paths) : written(paths))
    }),
  )
}

/** The artifact is the directory itself under another name. A second freeze finds it there. */
const freezeBox = Effect.fn("Backend.freeze")(function* (home: HomeShape, slug: Slug, run: number) {
  const paths = boxPaths(home, slug)
  const artifact = paths.artifact(run)
  const bottle = yield* lookAt(paths)
  if (!Option.exists(bottle, ({ state }) => state === "exited")) {
    const state = Option.match(bottle, { onNone: () => "unknown", onSome: (found) => found.state })
    return yield* new FreezeFailed({
      slug,
      reason: `it is ${state}, and only a bottle that has run is frozen`,
    })
  }
  yield* onDisk("freeze", slug, () => {
    if (!existsSync(paths.box)) return
    rmSync(artifact, { recursive: true, force: true })
    renameSync(paths.box, artifact)
  }).pipe(Effect.mapError(({ reason }) => new FreezeFailed({ slug, reason })))
  return artifact
})

const removeBottle = Effect.fn("Backend.remove")(function* (home: HomeShape, slug: Slug) {
  const paths = boxPaths(home, slug)
  yield* killSession(paths)
  const record = yield* readRecord(paths)
  const bottle = yield* lookAt(paths)
  if (Option.isSome(record) && Option.exists(bottle, ({ state }) => state === "exited")) {
    yield* harvest(paths, record.value.run)
  }
  yield* removeBox(paths)
  yield* Effect.provideService(removeRunDirectory(slug), Home, home)
})

const removeArtifacts = Effect.fn("Backend.removeArtifacts")(
  (paths: BoxPaths, slug: Slug, kept: Option.Option<string>) =>
    onDisk("remove", slug, () => {
      const names = existsSync(paths.root) ? readdirSync(paths.root) : []
      const artifacts = names
        .filter((name) => name.startsWith("frozen-"))
        .map((name) => join(paths.root, name))
      for (const path of artifacts) {
        if (Option.getOrUndefined(kept) !== path) rmSync(path, { recursive: true, force: true })
      }
    }),
)

/** A rename only changes the directory's own status: its change time is the time of the freeze. */
const listArtifacts = (home: HomeShape) =>
  onDisk("list", "artifacts", () =>
    slugsOf("host", home).flatMap((slug): ReadonlyArray<BackendArtifact> => {
      const { root } = boxPaths(home, slug)
      return readdirSync(root)
        .filter((name) => name.startsWith("frozen-"))
        .map((name) => join(root, name))
        .map((reference) => ({ slug, reference, createdAt: statSync(reference).ctimeMs }))
    }),
  )

const destroyBottle = Effect.fn("Backend.destroy")(function* (home: HomeShape, slug: Slug) {
  const paths = boxPaths(home, slug)
  yield* killSession(paths)
  yield* onDisk("destroy", slug, () => {
    rmSync(paths.root, { recursive: true, force: true })
    const names = existsSync(paths.state) ? readdirSync(paths.state) : []
    for (const name of names.filter((found) => /^output-\d+\.log(\..*)?$/.test(found))) {
      rmSync(join(paths.state, name), { force: true })
    }
  })
  yield* Effect.provideService(removeRunDirectory(slug), Home, home)
})
