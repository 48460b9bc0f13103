/** Calls to one engine through its command line: results as they are, and `BackendUnavailable` when the engine does not respond. */
import { Effect, Stream } from "effect"
import type { Scope } from "effect"
import { BackendFailure, BackendUnavailable } from "../../domain/Errors.ts"
import type { BackendError } from "../../services/Backends.ts"
import type {
  ProcessError,
  ProcessExit,
  ProcessResult,
  ProcessSpec,
  RunningProcess,
} from "../../services/ProcessRunner.ts"
import { ProcessRunner } from "../../services/ProcessRunner.ts"
import type { Dialect } from "./dialect.ts"
import { lastLine } from "./dialect.ts"

/** The purpose of a call, named in its errors. */
export interface Purpose {
  /** `create`, `start`, `freeze`, ... */
  readonly operation: string
  /** The slug or the image concerned. */
  readonly target: string
}

/** Options of a call. */
export interface CallOptions {
  readonly stdin?: Stream.Stream<Uint8Array, unknown>
  readonly cwd?: string
  readonly timeoutMs?: number
  readonly maxOutputBytes?: number
}

/** The command line of an engine. */
export interface CommandLine {
  readonly dialect: Dialect
  /** A call with its exit code as a result. */
  readonly run: (
    purpose: Purpose,
    args: ReadonlyArray<string>,
    options?: CallOptions,
  ) => Effect.Effect<ProcessResult, BackendError>
  /** A call that must succeed. Returns its stdout. */
  readonly succeed: (
    purpose: Purpose,
    args: ReadonlyArray<string>,
    options?: CallOptions,
  ) => Effect.Effect<string, BackendError>
  /** A call in a directory whose output is streamed. */
  readonly stream: (
    purpose: Purpose,
    args: ReadonlyArray<string>,
    cwd?: string,
  ) => Effect.Effect<RunningProcess, BackendError, Scope.Scope>
  /** A call in a directory that has our terminal. */
  readonly interactive: (
    purpose: Purpose,
    args: ReadonlyArray<string>,
    cwd?: string,
  ) => Effect.Effect<ProcessExit, BackendError>
  /** The error for a failed call, from its client's output. */
  readonly refusal: (purpose: Purpose, stderr: string) => BackendError
  readonly unavailable: (reason: string) => BackendUnavailable
  /** The error for another failure. */
  readonly failure: (purpose: Purpose, reason: string) => BackendFailure
}

/** A call that takes longer than this, in milliseconds, hangs: an engine usually responds in milliseconds, and a commit takes seconds. */
export const CALL_TIMEOUT_MS = 10 * 60_000

/** Runs the client with its stdout through a pipe, and keeps its exit code. */
const THROUGH_A_PIPE = `exec 4>&1
code=$({ { "$@" 3>&- 4>&-; echo $? >&3; } | cat >&4 3>&-; } 3>&1)
exit "$code"`

const inside = (cwd: string | undefined) => (cwd === undefined ? {} : { cwd })

/** The command line, with the engine that the environment selects. */
export const makeCommandLine = Effect.fnUntraced(function* (
  dialect: Dialect,
  env: Readonly<Record<string, string | undefined>>,
) {
  const runner = yield* ProcessRunner
  const ours = Object.fromEntries(
    dialect.environment.flatMap((name) => {
      const value = env[name]
      return value === undefined ? [] : [[name, value]]
    }),
  )
  const spec = (args: ReadonlyArray<string>): ProcessSpec => {
    const all = [...dialect.globals, ...args]
    return dialect.needsPipe.includes(args[0] ?? "")
      ? { command: "sh", args: ["-c", THROUGH_A_PIPE, "sh", dialect.program, ...all], env: ours }
      : { command: dialect.program, args: all, env: ours }
  }
  const failure = ({ operation, target }: Purpose, reason: string) =>
    new BackendFailure({ backend: dialect.name, operation, target, reason })
  const unavailable = (reason: string) => new BackendUnavailable({ backend: dialect.name, reason })

  const unusable = dialect.unusable(env)
  const usable: Effect.Effect<void, BackendUnavailable> =
    unusable === undefined ? Effect.void : Effect.fail(unavailable(unusable))

  const notRun =
    (purpose: Purpose) =>
    (error: ProcessError): BackendError => {
      if (error.reason === "not-found") return unavailable(dialect.install)
      return error.reason === "not-executable" ? unavailable(error.message) : failure(purpose, error.detail)
    }

  const refusal = (purpose: Purpose, stderr: string): BackendError => {
    const trouble = dialect.trouble(stderr)
    return trouble === undefined ? failure(purpose, lastLine(stderr)) : unavailable(trouble)
  }

  const run = (purpose: Purpose, args: ReadonlyArray<string>, options: CallOptions = {}) =>
    runner.run({ timeoutMs: CALL_TIMEOUT_MS, ...spec(args), ...options }).pipe(
      Effect.mapError(notRun(purpose)),
      (call) => Effect.zipRight(usable, call),
      Effect.filterOrFail(
        (result) => result.exitCode === 0 || dialect.trouble(result.stderr) === undefined,
        (result) => refusal(purpose, result.stderr),
      ),
    )

  const commands: CommandLine = {
    dialect,
    failure,
    refusal,
    unavailable,
    run,
    succeed: (purpose, args, options) =>
      Effect.flatMap(run(purpose, args, options), (result) =>
        result.exitCode === 0 ? Effect.succeed(result.stdout) : Effect.fail(refusal(purpose, result.stderr)),
      ),
    stream: (purpose, args, cwd) =>
      Effect.zipRight(
        usable,
        Effect.mapError(runner.stream({ ...spec(args), ...inside(cwd), ownSession: true }), notRun(purpose)),
      ),
    interactive: (purpose, args, cwd) =>
      Effect.zipRight(
        usable,
        Effect.mapError(runner.interactive({ ...spec(args), ...inside(cwd) }), notRun(purpose)),
      ),
  }
  return commands
})
