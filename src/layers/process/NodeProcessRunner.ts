/**
 * NodeProcessRunner runs programs with node:child_process. Both streams are always drained, no environment leaks, and no child is left
 * behind.
 */
import { Effect, Layer, Stream } from "effect"
import type { Scope } from "effect"
import type { ChildProcess, StdioOptions } from "node:child_process"
import type { Readable } from "node:stream"
import type { OutputChunk, ProcessSpec, RunningProcess } from "../../services/ProcessRunner.ts"
import { ProcessError, ProcessRunner } from "../../services/ProcessRunner.ts"
import { spawnBound } from "./bound.ts"
import { exitOf, feed, kill, readPipe, spawnChild, tailOf, terminate } from "./child.ts"
import { detached, waiting } from "./detached.ts"

const DEFAULT_MAX_OUTPUT = 1024 * 1024

/** A child that ends with its scope. */
const scoped = (
  spec: ProcessSpec,
  stdio: StdioOptions,
): Effect.Effect<ChildProcess, ProcessError, Scope.Scope> =>
  Effect.acquireRelease(spawnChild(spec, { stdio, detached: spec.ownSession === true }), terminate)

/** The same for `run` and `stream`. */
const piped = (spec: ProcessSpec): Effect.Effect<ChildProcess, ProcessError, Scope.Scope> =>
  Effect.acquireRelease(
    spec.endsWithUs === true
      ? spawnBound(spec, pipes(spec))
      : spawnChild(spec, { stdio: [...pipes(spec)], detached: spec.ownSession === true }),
    terminate,
  )

/** Writes the child's stdin. When the source fails this fails too, and the child never sees an end of file that looks complete. */
const feedStdin = (child: ChildProcess, spec: ProcessSpec): Effect.Effect<void, ProcessError> => {
  const { stdin } = child
  if (stdin === null || spec.stdin === undefined) return Effect.void
  const source = typeof spec.stdin === "string" ? Stream.make(Buffer.from(spec.stdin)) : spec.stdin
  return feed(stdin, source).pipe(
    Effect.catchAll((cause) =>
      Effect.zipRight(
        kill(child),
        Effect.fail(
          new ProcessError({
            command: spec.command,
            reason: "failed",
            detail: `its input failed: ${cause instanceof Error ? cause.message : String(cause)}`,
          }),
        ),
      ),
    ),
  )
}

const pipes = (spec: ProcessSpec): ReadonlyArray<"ignore" | "pipe"> => [
  spec.stdin === undefined ? "ignore" : "pipe",
  "pipe",
  "pipe",
]

/** Fails when the spec's time is over. The scope of the effect is closed by then, so its child has ended. */
const inTime =
  (spec: ProcessSpec) =>
  <A>(effect: Effect.Effect<A, ProcessError>): Effect.Effect<A, ProcessError> =>
    spec.timeoutMs === undefined
      ? effect
      : Effect.timeoutFail(Effect.interruptible(effect), {
          duration: spec.timeoutMs,
          onTimeout: () =>
            new ProcessError({
              command: spec.command,
              reason: "timeout",
              detail: `did not end within ${spec.timeoutMs} ms and was stopped`,
            }),
        })

const run = Effect.fn("ProcessRunner.run")(function* (spec: ProcessSpec) {
  return yield* Effect.gen(function* () {
    const child = yield* piped(spec)
    const limit = spec.maxOutputBytes ?? DEFAULT_MAX_OUTPUT
    const keep = (pipe: Readable | null) => (pipe === null ? Effect.succeed("") : tailOf(child, pipe, limit))
    const ended = Effect.gen(function* () {
      const [stdout, stderr] = yield* Effect.all([keep(child.stdout), keep(child.stderr)], { concurrency: 2 })
      return { ...(yield* exitOf(child)), stdout, stderr }
    })
    if (spec.stdin === undefined) return yield* ended
    // Only an input that fails wins. A finalizer cannot be interrupted, and a race waits for an uninterruptible loser, so both sides are
    // made interruptible.
    return yield* Effect.raceFirst(
      Effect.interruptible(ended),
      Effect.interruptible(Effect.zipRight(feedStdin(child, spec), Effect.never)),
    )
  }).pipe(Effect.scoped, inTime(spec))
})

const stream = Effect.fn("ProcessRunner.stream")(function* (spec: ProcessSpec) {
  const child = yield* piped(spec)
  yield* Effect.forkScoped(Effect.ignore(feedStdin(child, spec)))
  if (spec.timeoutMs !== undefined) {
    yield* Effect.forkScoped(Effect.delay(terminate(child), spec.timeoutMs))
  }
  const chunks = (name: "stdout" | "stderr"): Stream.Stream<OutputChunk> => {
    const pipe = child[name]
    return pipe === null
      ? Stream.empty
      : Stream.map(readPipe(child, pipe), (bytes) => ({ stream: name, bytes, at: Date.now() }))
  }
  const running: RunningProcess = {
    pid: child.pid ?? 0,
    output: Stream.merge(chunks("stdout"), chunks("stderr")),
    exit: exitOf(child),
  }
  return running
})

/** Ctrl-C in a terminal reaches every process in its foreground group: while a child has the terminal, it is meant for the child. */
const leaveInterrupts = Effect.acquireRelease(
  Effect.sync(() => {
    const ours = process.listeners("SIGINT")
    const ignore = () => undefined
    process.removeAllListeners("SIGINT").on("SIGINT", ignore)
    return { ours, ignore }
  }),
  ({ ours, ignore }) =>
    Effect.sync(() => {
      process.off("SIGINT", ignore)
      for (const listener of ours) process.on("SIGINT", listener)
    }),
)

const interactive = Effect.fn("ProcessRunner.interactive")(function* (spec: ProcessSpec) {
  return yield* leaveInterrupts.pipe(
    Effect.zipRight(scoped(spec, "inherit")),
    Effect.flatMap(exitOf),
    Effect.scoped,
    inTime(spec),
  )
})

/** The live layer: programs on this machine. */
export const layer: Layer.Layer<ProcessRunner> = Layer.succeed(
  ProcessRunner,
  ProcessRunner.of({ run, stream, interactive, detached, waiting }),
)
