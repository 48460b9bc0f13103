/** What the host backend keeps of a bottle on disk, and what can be read from it: nothing but files and a pid is needed to find a bottle again. */
import { Effect, Option, Schema } from "effect"
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { BackendFailure } from "../../domain/Errors.ts"
import { Slug } from "../../domain/Slug.ts"
import type { BackendBottle } from "../../services/Backends.ts"
import type { HomeShape } from "../home/Home.ts"
import { isAlive, ProcessIdentity } from "../process/ProcessIdentity.ts"

/** How a bottle ends whose runner was killed before it could say how. */
export const KILLED = 137

/** Where everything of a bottle lies: `box` is what a freeze keeps, `control` what one run leaves. */
export const boxPaths = (home: HomeShape, slug: string) => {
  const { state, output } = home.of(slug)
  const root = join(state, "host")
  const control = join(root, "control")
  return {
    state,
    root,
    output,
    box: join(root, "box"),
    workspace: join(root, "box", "workspace"),
    agentHome: join(root, "box", "home"),
    artifact: (run: number) => join(root, `frozen-${run}`),
    control,
    bottle: join(control, "bottle.json"),
    runner: join(control, "runner.json"),
    stdout: join(control, "stdout"),
    stderr: join(control, "stderr"),
    exit: join(control, "exit"),
  }
}
/** Where everything of a bottle lies. */
export type BoxPaths = ReturnType<typeof boxPaths>

/** What is kept of a created bottle. */
export const BoxRecord = Schema.Struct({ run: Schema.Number, interactive: Schema.Boolean })
/** What is kept of a created bottle. */
export type BoxRecord = typeof BoxRecord.Type

/** An action on files whose failure is told as a failed operation of the backend. */
export const onDisk = <A>(operation: string, target: string, action: () => A) =>
  Effect.try({ try: action, catch: (cause) => failed(operation, target, reasonOf(cause), cause) })

/** The error of an operation. */
export const failed = (operation: string, target: string, reason: string, cause?: unknown) =>
  new BackendFailure({
    backend: "host",
    operation,
    target,
    reason,
    ...(cause === undefined ? {} : { cause }),
  })

const reasonOf = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause))

/** Keeps a value whole or not at all. */
export const keep = <A, I>(file: string, schema: Schema.Schema<A, I>, value: A) =>
  onDisk("write", file, () => {
    mkdirSync(join(file, ".."), { recursive: true, mode: 0o700 })
    writeFileSync(`${file}.new`, JSON.stringify(Schema.encodeSync(schema)(value)), { mode: 0o600 })
    renameSync(`${file}.new`, file)
  })

const kept = <A, I>(file: string, schema: Schema.Schema<A, I>): Effect.Effect<Option.Option<A>> =>
  Effect.option(
    Effect.flatMap(
      Effect.try(() => readFileSync(file, "utf8")),
      Schema.decode(Schema.parseJson(schema)),
    ),
  )

/** What is kept of the bottle; none when there is no bottle. */
export const readRecord = (paths: BoxPaths) => kept(paths.bottle, BoxRecord)

/** The process that leads the agent's session; none before the start. */
export const readRunner = (paths: BoxPaths) => kept(paths.runner, ProcessIdentity)

/** Whether the session's leader runs. */
export const runnerLives = (paths: BoxPaths): Effect.Effect<boolean> =>
  Effect.flatMap(readRunner(paths), Option.match({ onNone: () => Effect.succeed(false), onSome: isAlive }))

const exitCode = (paths: BoxPaths): number | undefined => {
  const text = existsSync(paths.exit) ? readFileSync(paths.exit, "utf8") : ""
  return /^\d+\n$/.test(text) ? Number(text) : undefined
}

/** The bottle of a slug as it is now. */
export const lookAt = Effect.fnUntraced(function* (home: HomeShape, slug: Slug) {
  const paths = boxPaths(home, slug)
  if (Option.isNone(yield* readRecord(paths))) return Option.none<BackendBottle>()
  const createdAt = yield* onDisk("inspect", slug, () => statSync(paths.bottle).mtimeMs)
  if (Option.isNone(yield* readRunner(paths))) {
    return Option.some<BackendBottle>({ slug, state: "created", createdAt })
  }
  // Asked before the code is read: a runner writes it, and is gone after.
  const lives = yield* runnerLives(paths)
  const code = yield* onDisk("inspect", slug, () => exitCode(paths))
  if (lives && code === undefined) return Option.some<BackendBottle>({ slug, state: "running", createdAt })
  return Option.some<BackendBottle>({ slug, state: "exited", exitCode: code ?? KILLED, createdAt })
})

/** Slugs that have a directory of this backend. */
export const slugsWithBox = (home: HomeShape): ReadonlyArray<Slug> => {
  const states = join(home.root, "state")
  const names = existsSync(states) ? readdirSync(states) : []
  return names
    .filter((name): name is Slug => Schema.is(Slug)(name))
    .filter((slug) => existsSync(boxPaths(home, slug).root))
}

/** Removes the box and what the run left; artifacts stay. */
export const removeBox = (paths: BoxPaths, slug: string) =>
  onDisk("remove", slug, () => {
    for (const path of [paths.box, paths.control]) rmSync(path, { recursive: true, force: true })
  })
