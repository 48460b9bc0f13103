/**
 * The files that a detached supervisor writes about a bottle's run, and how to read them: files and a PID are enough to find a bottle
 * again.
 */
import { Effect, Option, Schema } from "effect"
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs"
import { dirname, join } from "node:path"
import { BackendFailure } from "../../domain/Errors.ts"
import { Slug } from "../../domain/Slug.ts"
import { ensureDirectory, replaceFile } from "../../files/files.ts"
import type { BackendBottle, BackendEnding } from "../../services/Backends.ts"
import { outputLimitFile } from "../bottle/cutOutput.ts"
import type { HomeShape } from "../home/Home.ts"
import { isAlive, self } from "../process/ProcessIdentity.ts"
import { ProcessIdentity } from "../../domain/ProcessIdentity.ts"

/** The ending of a bottle whose supervisor was killed before it could record one. */
export const KILLED = 137

/** Paths of a run's files: `root` is the backend's part of the state directory, `control` what one run leaves. */
export const controlOf = (backend: string, home: HomeShape, slug: Slug) => {
  const { run, state, output } = home.of(slug)
  const root = join(state, backend)
  const control = join(root, "control")
  return {
    backend,
    slug,
    state,
    root,
    output,
    outputLimit: outputLimitFile(run),
    control,
    bottle: join(control, "bottle.json"),
    // Its file name is that of earlier versions, so that the bottles they started are found.
    supervisor: join(control, "runner.json"),
    stdout: join(control, "stdout"),
    stderr: join(control, "stderr"),
    times: join(control, "times"),
    exit: join(control, "exit"),
  }
}
/** Paths of a run's files. */
export type Control = ReturnType<typeof controlOf>

/** The record of a created bottle. */
export const RunRecord = Schema.Struct({
  run: Schema.Number,
  interactive: Schema.Boolean,
  /** Numeric `uid:gid` of the agent, if it is not our own. */
  user: Schema.optional(Schema.String),
  /** The agent's working directory, if the supervisor does not set it. */
  workdir: Schema.optional(Schema.String),
})
/** The record of a created bottle. */
export type RunRecord = typeof RunRecord.Type

/** The error of an operation. */
export const failure = (
  { backend, slug }: { readonly backend: string; readonly slug: string },
  operation: string,
  reason: string,
  cause?: unknown,
) =>
  new BackendFailure({
    backend,
    operation,
    target: slug,
    reason,
    ...(cause === undefined ? {} : { cause }),
  })

/** A file action whose failure is reported as a failed operation of the backend. */
export const onFiles = <A>(
  control: { readonly backend: string; readonly slug: string },
  operation: string,
  action: () => A,
): Effect.Effect<A, BackendFailure> =>
  Effect.try({ try: action, catch: (cause) => failure(control, operation, reasonOf(cause), cause) })

/** The message of an exception. */
export const reasonOf = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause))

/** Writes a value atomically. */
export const keep = <A, I>(control: Control, file: string, schema: Schema.Schema<A, I>, value: A) =>
  Effect.zipRight(
    ensureDirectory(dirname(file)),
    replaceFile(file, JSON.stringify(Schema.encodeSync(schema)(value))),
  ).pipe(Effect.mapError(({ cause }) => failure(control, "write", reasonOf(cause), cause)))

const kept = <A, I>(file: string, schema: Schema.Schema<A, I>): Effect.Effect<Option.Option<A>> =>
  Effect.option(
    Effect.flatMap(
      Effect.try(() => readFileSync(file, "utf8")),
      Schema.decode(Schema.parseJson(schema)),
    ),
  )

/** The record of the bottle; none when there is no bottle. */
export const readRecord = (control: Control) => kept(control.bottle, RunRecord)

/** The process that leads the agent's session; none before the start. */
export const readSupervisor = (control: Pick<Control, "supervisor">) =>
  kept(control.supervisor, ProcessIdentity)

/** Whether the session's leader is running. */
export const supervisorLives = (control: Pick<Control, "supervisor">): Effect.Effect<boolean> =>
  Effect.flatMap(
    readSupervisor(control),
    Option.match({ onNone: () => Effect.succeed(false), onSome: isAlive }),
  )

const exitCode = (control: Control): number | undefined => {
  const text = existsSync(control.exit) ? readFileSync(control.exit, "utf8") : ""
  return /^\d+\n$/.test(text) ? Number(text) : undefined
}

/** Exit codes of agents that were asked or forced to end. */
const STOPPED: ReadonlySet<number> = new Set([129, 130, KILLED, 143])

/** What ended an agent: the machine, if it has been restarted since then and nothing else is known. */
export const endingOf = Effect.fnUntraced(function* (control: Control) {
  const supervisor = yield* readSupervisor(control)
  const code = yield* onFiles(control, "inspect", () => exitCode(control))
  const { bootId } = yield* self
  const isOfOtherBoot = Option.exists(supervisor, (was) => was.bootId !== "" && was.bootId !== bootId)
  const ending: BackendEnding = {
    by: isOfOtherBoot && (code === undefined || STOPPED.has(code)) ? "machine" : "agent",
  }
  return ending
})

/** The current state of the bottle. */
export const lookAt = Effect.fnUntraced(function* (control: Control) {
  const { slug } = control
  if (Option.isNone(yield* readRecord(control))) return Option.none<BackendBottle>()
  const createdAt = yield* onFiles(control, "inspect", () => statSync(control.bottle).mtimeMs)
  if (Option.isNone(yield* readSupervisor(control))) {
    return Option.some<BackendBottle>({ slug, state: "created", createdAt })
  }
  // Checked before the code is read: a supervisor writes the code and then exits.
  const lives = yield* supervisorLives(control)
  const code = yield* onFiles(control, "inspect", () => exitCode(control))
  if (lives && code === undefined) return Option.some<BackendBottle>({ slug, state: "running", createdAt })
  return Option.some<BackendBottle>({ slug, state: "exited", exitCode: code ?? KILLED, createdAt })
})

/** Slugs that have a directory of this backend. */
export const slugsOf = (backend: string, home: HomeShape): ReadonlyArray<Slug> => {
  const states = join(home.root, "state")
  const names = existsSync(states) ? readdirSync(states) : []
  return names
    .filter((name): name is Slug => Schema.is(Slug)(name))
    .filter((slug) => existsSync(controlOf(backend, home, slug).root))
}
