/** ProcessRunner is the only place that spawns: it runs a program to its end, streams one, hands one the terminal, or lets one go. */
import type { Effect, Scope, Stream } from "effect"
import { Context, Schema } from "effect"

/** The program could not be started, or did not end in time. */
export class ProcessError extends Schema.TaggedError<ProcessError>()("ProcessError", {
  command: Schema.String,
  reason: Schema.Literal("not-found", "not-executable", "timeout", "failed"),
  detail: Schema.String,
}) {
  override get message(): string {
    return `${this.command}: ${this.detail}`
  }
}

/** A program and how to run it. */
export interface ProcessSpec {
  readonly command: string
  readonly args: ReadonlyArray<string>
  /** The whole environment: nothing of ours is inherited beyond PATH, HOME, LANG, LC_ALL, TZ and what is named here. */
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Bytes for its stdin; without them stdin is empty. */
  readonly stdin?: string | Stream.Stream<Uint8Array, unknown>
  /** Milliseconds until TERM, then KILL after 2 s more; none unless given. */
  readonly timeoutMs?: number
  /** Of each stream only the last so many bytes are kept (default 1 MiB). */
  readonly maxOutputBytes?: number
  /** In a session of its own, so that Ctrl-C in our terminal does not reach it (`stream` only). */
  readonly ownSession?: boolean
  /**
   * In a process group of its own that is killed as a whole when the program has ended, and when we have, SIGKILL
   * included (`run` and `stream` only). A program that is not there then ends with 127 instead of failing to start.
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

/** A program under way; both streams must be read. Closing its scope ends it: TERM, then KILL after 2 s. */
export interface RunningProcess {
  readonly pid: number
  readonly output: Stream.Stream<OutputChunk>
  readonly exit: Effect.Effect<ProcessExit>
}

/** A program that outlives us: own session, no pipe kept. */
export interface DetachedSpec extends Omit<ProcessSpec, "timeoutMs" | "maxOutputBytes" | "stdin"> {
  /** Written to its stdin, which is then closed. */
  readonly stdin?: string
  /** Its first line on stdout is awaited so many milliseconds; without it nothing is. */
  readonly firstLineMs?: number
}

/** ProcessRunner is the only place that spawns. */
export class ProcessRunner extends Context.Tag("bot-bottle/ProcessRunner")<
  ProcessRunner,
  {
    /** Runs a program to its end; a code that is not 0 is a result, not an error. */
    readonly run: (spec: ProcessSpec) => Effect.Effect<ProcessResult, ProcessError>
    /** Starts a program whose output is read as it comes. */
    readonly stream: (spec: ProcessSpec) => Effect.Effect<RunningProcess, ProcessError, Scope.Scope>
    /** Gives a program our terminal until it ends. */
    readonly interactive: (spec: ProcessSpec) => Effect.Effect<ProcessExit, ProcessError>
    /** Starts a program that outlives us; answers its pid and the first line it wrote (`""` unless asked for). */
    readonly detached: (
      spec: DetachedSpec,
    ) => Effect.Effect<{ readonly pid: number; readonly firstLine: string }, ProcessError>
  }
>() {}
