/** A program that outlives this process: own session, no pipe kept open, a time limit for its first line. */
import { Effect, ExecutionStrategy, Exit, Option, Scope, Stream } from "effect"
import type { ChildProcess } from "node:child_process"
import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync } from "node:fs"
import { Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { DetachedSpec, WaitingProcess } from "../../services/ProcessRunner.ts"
import { ProcessError } from "../../services/ProcessRunner.ts"
import { exitOf, feed, readPipe, spawnChild } from "./child.ts"

const STDERR_TAIL = 4096
const LINE_MAX = 64 * 1024

/**
 * An unlinked file for the child's stderr: a pipe would stay open, or break when this process exits. Its tail says why the child
 * failed.
 */
const stderrFile = (command: string) =>
  Effect.acquireRelease(
    Effect.try({
      try: () => {
        const folder = mkdtempSync(join(tmpdir(), "bot-bottle-"))
        const fd = openSync(join(folder, "stderr"), "w+", 0o600)
        rmSync(folder, { recursive: true })
        return fd
      },
      catch: (cause) =>
        new ProcessError({ command, reason: "failed", detail: `no temporary file: ${String(cause)}` }),
    }),
    (fd) => Effect.sync(() => closeSync(fd)),
  )

const readTail = (fd: number): string => {
  const { size } = fstatSync(fd)
  const bytes = Buffer.alloc(Math.min(size, STDERR_TAIL))
  readSync(fd, bytes, 0, bytes.length, size - bytes.length)
  return bytes.toString("utf8").trim()
}

/** Ends a child that is no longer useful, and everything it started. */
const killSession = ({ pid }: ChildProcess): Effect.Effect<void> =>
  pid === undefined ? Effect.void : Effect.ignore(Effect.try(() => process.kill(-pid, "SIGKILL")))

const readLine = (child: ChildProcess): Effect.Effect<Option.Option<string>> =>
  child.stdout === null
    ? Effect.succeedNone
    : readPipe(child, child.stdout).pipe(
        Stream.scan("", (text, bytes) => text + Buffer.from(bytes).toString("latin1")),
        Stream.takeWhile((text) => text.length <= LINE_MAX),
        Stream.filter((text) => text.includes("\n")),
        Stream.runHead,
        Effect.map(
          Option.map((text) => Buffer.from(text.slice(0, text.indexOf("\n")), "latin1").toString("utf8")),
        ),
      )

const writeInput = (child: ChildProcess, input: string | undefined): Effect.Effect<void> =>
  child.stdin === null || input === undefined
    ? Effect.void
    : feed(child.stdin, Stream.make(Buffer.from(input)))

/** The error of a child that did not print its line. */
const failure = (spec: DetachedSpec, child: ChildProcess, stderr: number) =>
  Effect.gen(function* () {
    const exit = yield* Effect.timeoutOption(Effect.interruptible(exitOf(child)), "100 millis")
    const how = Option.match(exit, {
      onNone: () => "closed its output before its first line",
      onSome: ({ exitCode, signal }) => `ended ${signal === undefined ? `with ${exitCode}` : `by ${signal}`}`,
    })
    const said = readTail(stderr)
    return new ProcessError({
      command: spec.command,
      reason: "failed",
      detail: said === "" ? how : `${how}: ${said}`,
      ...Option.match(exit, { onNone: () => ({}), onSome: ({ exitCode }) => ({ exitCode }) }),
    })
  })

/** A child and the file of its stderr. */
interface Begun {
  readonly child: ChildProcess
  readonly stderr: number
}

const begin = Effect.fnUntraced(function* (spec: DetachedSpec, stdin: "pipe" | "ignore") {
  const stderr = yield* stderrFile(spec.command)
  const child = yield* spawnChild(spec, { detached: true, stdio: [stdin, "pipe", stderr] })
  return { child, stderr } satisfies Begun
})

const firstLine = Effect.fnUntraced(function* (
  spec: DetachedSpec,
  { child, stderr }: Begun,
  { stdin, limit }: { readonly stdin: string | undefined; readonly limit: number },
) {
  const line = Effect.zipRight(writeInput(child, stdin), readLine(child)).pipe(
    Effect.interruptible,
    Effect.timeoutFail({
      duration: limit,
      onTimeout: () =>
        new ProcessError({
          command: spec.command,
          reason: "timeout",
          detail: `said nothing within ${limit} ms`,
        }),
    }),
    Effect.flatMap(
      Option.match({
        onNone: () => Effect.flatMap(failure(spec, child, stderr), Effect.fail),
        onSome: Effect.succeed,
      }),
    ),
    Effect.onError(() => killSession(child)),
  )
  const answer = { pid: child.pid ?? 0, firstLine: yield* line }
  child.unref()
  return answer
})

const letGo = Effect.fnUntraced(function* (spec: DetachedSpec) {
  const child = yield* spawnChild(spec, {
    detached: true,
    stdio: [spec.stdin === undefined ? "ignore" : "pipe", "ignore", "ignore"],
  })
  yield* writeInput(child, spec.stdin)
  child.unref()
  return { pid: child.pid ?? 0, firstLine: "" }
})

/** Starts it; see `ProcessRunner.detached`. */
export const detached = Effect.fn("ProcessRunner.detached")(({ firstLineMs, stdin, ...spec }: DetachedSpec) =>
  firstLineMs === undefined
    ? letGo({ ...spec, ...(stdin !== undefined && { stdin }) })
    : begin(spec, stdin === undefined ? "ignore" : "pipe").pipe(
        Effect.flatMap((begun) => firstLine(spec, begun, { stdin, limit: firstLineMs })),
        Effect.scoped,
      ),
)

/** Starts it; see `ProcessRunner.waiting`. It does not keep this process alive. */
export const waiting = Effect.fn("ProcessRunner.waiting")(function* ({
  firstLineMs: limit,
  ...spec
}: Omit<DetachedSpec, "stdin"> & { readonly firstLineMs: number }) {
  const scope = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.sequential)
  const begun = yield* Scope.extend(begin(spec, "pipe"), scope)
  const { child } = begun
  let isFed = false
  yield* Scope.addFinalizer(
    scope,
    Effect.suspend(() => (isFed ? Effect.void : killSession(child))),
  )
  hold(child, false)
  return {
    lives: Effect.sync(() => child.exitCode === null && child.signalCode === null),
    feed: (stdin) =>
      Effect.suspend(() => {
        isFed = true
        hold(child, true)
        return firstLine(spec, begun, { stdin, limit })
      }).pipe(Effect.ensuring(Scope.close(scope, Exit.void)), Effect.withSpan("ProcessRunner.feed")),
  } satisfies WaitingProcess
})

/** Whether a child keeps this process alive. */
const hold = (child: ChildProcess, isHeld: boolean): void => {
  const pipes = [child.stdin, child.stdout].filter((pipe) => pipe instanceof Socket)
  for (const one of [child, ...pipes]) {
    if (isHeld) one.ref()
    else one.unref()
  }
}
