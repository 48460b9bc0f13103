/** ProcessRunner is the only place that spawns processes: run to the end, stream, hand over the terminal, or detach. */
import type { Effect, Scope, Stream } from "effect"
import { Context, Schema } from "effect"

/** The program could not be started, or did not end in time. */
export class ProcessError extends Schema.TaggedError<ProcessError>()("ProcessError", {
  command: Schema.String,
  reason: Schema.Literal("not-found", "not-executable", "timeout", "failed"),
  detail: Schema.String,
  /** How it ended, of a program that ended before its first line; as in `ProcessExit`. */
  exitCode: Schema.optional(Schema.Number),
}) {
  override get message(): string {
    return `${this.command}: ${this.detail}`
  }
}

/** A program and how to run it. */
export interface ProcessSpec {
  readonly command: string
  readonly args: ReadonlyArray<string>
  /** The whole environment: of our own, only PATH, HOME, LANG, LC_ALL, TZ and the variables named here are passed. */
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Bytes for stdin; empty unless given. */
  readonly stdin?: string | Stream.Stream<Uint8Array, unknown>
  /** Milliseconds until TERM, and 2 s later KILL; no limit unless given. */
  readonly timeoutMs?: number
  /** How many bytes at the end of each stream are kept (default 1 MiB). */
  readonly maxOutputBytes?: number
  /** Runs in its own session, so that Ctrl-C in our terminal does not reach it (`stream` only). */
  readonly ownSession?: boolean
  /**
   * Runs in its own process group, which is killed as a whole when the program ends and when our process ends, even by SIGKILL (`run`
   * and `stream` only). A missing program then ends with 127 instead of failing to start.
   */
  readonly endsWithUs?: boolean
}

/** How a program ended. `exitCode` is 128+n when a signal ended it. */
export interface ProcessExit {
  readonly exitCode: number
  readonly signal?: string
}

/** How a program ended, and the tail of what it wrote. */
export interface ProcessResult extends ProcessExit {
  readonly stdout: string
  readonly stderr: string
}

/** A piece of output. */
export interface OutputChunk {
  readonly stream: "stdout" | "stderr"
  readonly bytes: Uint8Array
  /** Milliseconds since the epoch. */
  readonly at: number
}

/** A running program. Both streams must be read. Closing its scope ends it: TERM, then KILL after 2 s. */
export interface RunningProcess {
  readonly pid: number
  readonly output: Stream.Stream<OutputChunk>
  readonly exit: Effect.Effect<ProcessExit>
}

/** A program that outlives this process: own session, no pipe kept open. */
export interface DetachedSpec extends Omit<ProcessSpec, "timeoutMs" | "maxOutputBytes" | "stdin"> {
  /** Written to stdin, which is then closed. */
  readonly stdin?: string
  /** Milliseconds to wait for the first line on stdout; without it there is no wait. */
  readonly firstLineMs?: number
}

/** A started program that waits for its stdin. */
export interface WaitingProcess {
  /** False when it has ended before it was needed. */
  readonly lives: Effect.Effect<boolean>
  /**
   * Gives it its stdin, once. From then on it outlives this process and its scope. Returns its PID and its first line, within the time
   * that its specification gives.
   */
  readonly feed: (
    stdin: string,
  ) => Effect.Effect<{ readonly pid: number; readonly firstLine: string }, ProcessError>
}

/** ProcessRunner is the only place that spawns processes. */
export class ProcessRunner extends Context.Tag("bot-bottle/ProcessRunner")<
  ProcessRunner,
  {
    /** Runs a program to its end. A nonzero exit code is a result, not an error. */
    readonly run: (spec: ProcessSpec) => Effect.Effect<ProcessResult, ProcessError>
    /** Starts a program and streams its output. */
    readonly stream: (spec: ProcessSpec) => Effect.Effect<RunningProcess, ProcessError, Scope.Scope>
    /** Hands our terminal to a program until it ends. */
    readonly interactive: (spec: ProcessSpec) => Effect.Effect<ProcessExit, ProcessError>
    /** Starts a program that outlives this process. Returns its PID and its first line (`""` unless asked for). */
    readonly detached: (
      spec: DetachedSpec,
    ) => Effect.Effect<{ readonly pid: number; readonly firstLine: string }, ProcessError>
    /** Starts such a program before its stdin is known. It ends with its scope, and when this process ends, unless it was fed. */
    readonly waiting: (
      spec: Omit<DetachedSpec, "stdin" | "firstLineMs"> & { readonly firstLineMs: number },
    ) => Effect.Effect<WaitingProcess, ProcessError, Scope.Scope>
  }
>() {}
