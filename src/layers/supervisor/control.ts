/** What a detached supervisor leaves on disk of a bottle's run, and what can be read from it: nothing but files and a pid is needed to find a bottle again. */
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

/** How a bottle ends whose supervisor was killed before it could say how. */
export const KILLED = 137

/** Where a run's files lie: `root` is the backend's part of the state directory, `control` what one run leaves. */
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
    // Its name on disk is that of earlier versions, so that bottles which they started are found.
    supervisor: join(control, "runner.json"),
    stdout: join(control, "stdout"),
    stderr: join(control, "stderr"),
    exit: join(control, "exit"),
  }
}
/** Where a run's files lie. */
export type Control = ReturnType<typeof controlOf>

/** What is kept of a created bottle. */
export const RunRecord = Schema.Struct({
  run: Schema.Number,
  interactive: Schema.Boolean,
  /** Numeric `uid:gid` of the agent, where that is not ourselves. */
  user: Schema.optional(Schema.String),
  /** The agent's working directory, where that is not ours to set. */
  workdir: Schema.optional(Schema.String),
})
/** What is kept of a created bottle. */
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

/** An action on files whose failure is told as a failed operation of the backend. */
export const onFiles = <A>(
  control: { readonly backend: string; readonly slug: string },
  operation: string,
  action: () => A,
): Effect.Effect<A, BackendFailure> =>
  Effect.try({ try: action, catch: (cause) => failure(control, operation, reasonOf(cause), cause) })

/** What an exception says. */
export const reasonOf = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause))

/** Keeps a value whole or not at all. */
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

/** What is kept of the bottle; none when there is no bottle. */
export const readRecord = (control: Control) => kept(control.bottle, RunRecord)

/** The process that leads the agent's session; none before the start. */
export const readSupervisor = (control: Pick<Control, "supervisor">) =>
  kept(control.supervisor, ProcessIdentity)

/** Whether the session's leader runs. */
export const supervisorLives = (control: Pick<Control, "supervisor">): Effect.Effect<boolean> =>
  Effect.flatMap(
    readSupervisor(control),
    Option.match({ onNone: () => Effect.succeed(false), onSome: isAlive }),
  )

const exitCode = (control: Control): number | undefined => {
  const text = existsSync(control.exit) ? readFileSync(control.exit, "utf8") : ""
  return /^\d+\n$/.test(text) ? Number(text) : undefined
}

/** Codes of agents that were told or made to end. */
const STOPPED: ReadonlySet<number> = new Set([129, 130, KILLED, 143])

/** What ended an agent: the machine, when it was started anew since then and nothing else is known. */
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

/** The bottle as it is now. */
export const lookAt = Effect.fnUntraced(function* (control: Control) {
  const { slug } = control
  if (Option.isNone(yield* readRecord(control))) return Option.none<BackendBottle>()
  const createdAt = yield* onFiles(control, "inspect", () => statSync(control.bottle).mtimeMs)
  if (Option.isNone(yield* readSupervisor(control))) {
    return Option.some<BackendBottle>({ slug, state: "created", createdAt })
  }
  // Asked before the code is read: a supervisor writes it, and is gone after.
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
