/** One child process of node as effects: spawned with a clean environment, given stdin, read with a limit, awaited, and reliably ended. */
import { Effect, Option, Stream } from "effect"
import type { ChildProcess, SpawnOptions } from "node:child_process"
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { constants } from "node:os"
import { delimiter, isAbsolute } from "node:path"
import type { Readable, Writable } from "node:stream"
import type { ProcessExit, ProcessSpec } from "../../services/ProcessRunner.ts"
import { ProcessError } from "../../services/ProcessRunner.ts"

const INHERITED = ["PATH", "HOME", "LANG", "LC_ALL", "TZ"]

/** How long a child has between TERM and KILL. */
const TERM_GRACE = "2 seconds"

/** How long a pipe may be silent after its child has ended before we stop reading: a grandchild may hold it open forever. */
const ORPHANED_PIPE_GRACE_MS = 500

/** A relative entry of PATH would find programs in the working directory, which may be an untrusted repository. */
const absoluteOnly = (path: string): string =>
  path
    .split(delimiter)
    .filter((part) => isAbsolute(part))
    .join(delimiter)

/** The child's environment: the allowed part of ours, and what it was given. */
export const cleanEnv = (extra: Readonly<Record<string, string>> = {}): Record<string, string> => {
  const env: Record<string, string> = {}
  for (const name of INHERITED) {
    const value = process.env[name]
    if (value !== undefined) env[name] = name === "PATH" ? absoluteOnly(value) : value
  }
  return Object.assign(env, extra)
}

/**
 * Starts a child and returns once it is running. What node throws (a zero byte in an argument) and what it emits (no such program)
 * become the same error.
 */
export const spawnChild = (
  spec: Pick<ProcessSpec, "command" | "args" | "env" | "cwd">,
  options: SpawnOptions,
): Effect.Effect<ChildProcess, ProcessError> =>
  Effect.try({
    try: () =>
      spawn(spec.command, [...spec.args], {
        ...options,
        env: cleanEnv(spec.env),
        ...(spec.cwd === undefined ? {} : { cwd: spec.cwd }),
      }),
    catch: (cause) => spawnError(spec, cause),
  }).pipe(
    Effect.flatMap((child) =>
      Effect.async<ChildProcess, ProcessError>((resume) => {
        child.once("spawn", () => resume(Effect.succeed(child)))
        child.on("error", (cause) => resume(Effect.fail(spawnError(spec, cause))))
        // A child may close its stdin, or end, before it has read what we write.
        child.stdin?.on("error", () => undefined)
        // At the end of a child node discards data in a pipe without listeners.
        child.stdout?.on("readable", () => undefined)
        child.stderr?.on("readable", () => undefined)
      }),
    ),
  )

const spawnError = (spec: Pick<ProcessSpec, "command" | "cwd">, cause: unknown): ProcessError => {
  const { code } = Object.assign({ code: "" }, cause)
  if (spec.cwd !== undefined && code === "ENOENT" && !existsSync(spec.cwd)) {
    return new ProcessError({
      command: spec.command,
      reason: "failed",
      detail: `no such directory: ${spec.cwd}`,
    })
  }
  switch (code) {
    case "ENOENT":
      return new ProcessError({ command: spec.command, reason: "not-found", detail: "no such program" })
    case "EACCES":
      return new ProcessError({ command: spec.command, reason: "not-executable", detail: "not executable" })
    default:
      return new ProcessError({
        command: spec.command,
        reason: "failed",
        detail: `could not be started: ${code || (cause instanceof Error ? cause.message : String(cause))}`,
      })
  }
}

/** Waits for the child to end, and says how it ended. */
export const exitOf = (child: ChildProcess): Effect.Effect<ProcessExit> =>
  Effect.async((resume) => {
    const answer = () => resume(Effect.succeed(toExit(child.exitCode, child.signalCode)))
    if (hasEnded(child)) return answer()
    child.once("exit", answer)
    return Effect.sync(() => child.off("exit", answer))
  })

const hasEnded = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null

const toExit = (code: number | null, signal: NodeJS.Signals | null): ProcessExit =>
  signal === null ? { exitCode: code ?? 0 } : { exitCode: 128 + constants.signals[signal], signal }

/** Ends the child: TERM, then KILL when it has not ended in time. Succeeds when it has already ended. */
export const terminate = (child: ChildProcess): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (hasEnded(child)) return Effect.void
    child.kill("SIGTERM")
    // Made interruptible, because a finalizer is not, and a timeout waits for what it cannot interrupt.
    return Effect.interruptible(exitOf(child)).pipe(
      Effect.timeoutOption(TERM_GRACE),
      Effect.flatMap((ended) => (Option.isSome(ended) ? Effect.void : kill(child))),
    )
  })

/** Kills the child at once. */
export const kill = (child: ChildProcess): Effect.Effect<void> =>
  Effect.suspend(() => {
    child.kill("SIGKILL")
    return Effect.asVoid(exitOf(child))
  })

/** Writes the child's stdin and closes it. A child that does not read all of it is no error; a source that fails is. */
export const feed = <E>(stdin: Writable, source: Stream.Stream<Uint8Array, E>): Effect.Effect<void, E> =>
  source.pipe(
    Stream.runForEachWhile((bytes) => write(stdin, bytes)),
    Effect.zipRight(Effect.sync(() => stdin.end())),
  )

const write = (sink: Writable, bytes: Uint8Array): Effect.Effect<boolean> =>
  Effect.async((resume) => {
    sink.write(bytes, (error) => resume(Effect.succeed(!error)))
  })

/** The next bytes of a pipe of the child. Fails with none at the end of the pipe, or soon after the child's. */
const nextOf = (child: ChildProcess, pipe: Readable): Effect.Effect<Uint8Array, Option.Option<never>> =>
  Effect.async((resume) => {
    const end = () => settle(Effect.fail(Option.none()))
    const look = () => {
      const bytes: Buffer | null = pipe.read()
      if (bytes !== null) settle(Effect.succeed(bytes))
      else if (pipe.readableEnded || pipe.destroyed) end()
    }
    let orphaned: NodeJS.Timeout | undefined
    const wait = () => {
      orphaned = setTimeout(end, ORPHANED_PIPE_GRACE_MS)
    }
    const stop = () => {
      for (const event of PIPE_EVENTS) pipe.off(event, look)
      child.off("exit", wait)
      clearTimeout(orphaned)
    }
    const settle = (next: Effect.Effect<Uint8Array, Option.Option<never>>) => {
      stop()
      resume(next)
    }
    for (const event of PIPE_EVENTS) pipe.on(event, look)
    if (hasEnded(child)) wait()
    else child.once("exit", wait)
    look()
    return Effect.sync(stop)
  })

const PIPE_EVENTS = ["readable", "end", "close", "error"] as const

/** Reads a pipe of the child, with backpressure, and closes it. Ends with the pipe, or soon after the child. */
export const readPipe = (child: ChildProcess, pipe: Readable): Stream.Stream<Uint8Array> =>
  Stream.repeatEffectOption(nextOf(child, pipe)).pipe(Stream.ensuring(Effect.sync(() => pipe.destroy())))

/** The same for the last `limit` bytes, as text. */
export const tailOf = (child: ChildProcess, pipe: Readable, limit: number): Effect.Effect<string> =>
  Effect.suspend(() => {
    const kept: Array<Uint8Array> = []
    let size = 0
    const keep = (next: Uint8Array) => {
      kept.push(next)
      size += next.length
      for (let first = kept[0]; first !== undefined && size - first.length >= limit; first = kept[0]) {
        kept.shift()
        size -= first.length
      }
    }
    return Effect.forever(Effect.map(nextOf(child, pipe), keep)).pipe(
      Effect.catchAll(() => Effect.sync(() => Buffer.concat(kept).subarray(-limit).toString("utf8"))),
      Effect.ensuring(Effect.sync(() => pipe.destroy())),
    )
  })
