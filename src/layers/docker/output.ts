/** Output of a container: read live from our own attached client, else from the engine's log, and kept in a file once it is whole. */
import { Effect, Exit, Mailbox, Option, Ref, Scope, Stream } from "effect"
import { randomUUID } from "node:crypto"
import { mkdir, open, rename, rm } from "node:fs/promises"
import type { FileHandle } from "node:fs/promises"
import { dirname } from "node:path"
import type { BackendError } from "../../services/Backends.ts"
import type { OutputChunk } from "../../services/ProcessRunner.ts"
import type { Engine, Purpose } from "./engine.ts"

/** How long the attached client waits for somebody who reads it. */
const UNREAD_GRACE = "10 seconds"

/** Pieces of output that wait for their reader, of at most 64 KiB each: then the agent waits. */
const UNREAD_PIECES = 256

/** A client that is attached since before the container's first byte. */
export interface Attached {
  readonly run: number
  /** Its output from the first byte; none when somebody has it or it was let go. */
  readonly take: Effect.Effect<Option.Option<Stream.Stream<OutputChunk>>>
  /** The first piece of output. */
  readonly first: Effect.Effect<OutputChunk>
  /** What the client wrote to its stderr, once it has ended. */
  readonly ended: Effect.Effect<string>
}

/**
 * Starts a container with a client attached, because only so its bytes are exact: the engine's log
 * replaces what is not UTF-8. `start` passes every signal it gets on to the container, so it lives in a
 * session of its own and ends by KILL, which cannot be passed on. podman's monitor leaves a file `oom` where it
 * was started, so it is started in a directory of the run.
 */
export const startAttached = Effect.fn("startAttached")(function* (
  engine: Engine,
  purpose: Purpose,
  container: string,
  run: number,
  cwd: string,
) {
  const scope = yield* Scope.make()
  const over = yield* Ref.make(false)
  const client = yield* engine.stream(purpose, [...engine.dialect.start, container], cwd).pipe(
    Effect.tap(({ pid }) => Effect.addFinalizer(() => Effect.unlessEffect(kill(pid), Ref.get(over)))),
    Scope.extend(scope),
    Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause))),
  )
  const letGo = Scope.close(scope, Exit.void)
  const chunks = yield* Mailbox.make<OutputChunk>({ capacity: UNREAD_PIECES })
  const head = yield* Mailbox.make<OutputChunk>({ capacity: 1, strategy: "dropping" })
  const stderr = yield* Ref.make("")
  const free = yield* Ref.make(true)
  const claim = Ref.getAndSet(free, false)

  const pump = yield* client.output.pipe(
    Stream.runForEach((chunk) =>
      Effect.all([
        head.offer(chunk),
        chunk.stream === "stderr"
          ? Ref.update(stderr, (text) => (text + Buffer.from(chunk.bytes).toString("utf8")).slice(-4096))
          : Effect.void,
        chunks.offer(chunk),
      ]),
    ),
    Effect.zipRight(client.exit),
    Effect.zipRight(Ref.set(over, true)),
    Effect.ensuring(Effect.all([chunks.end, letGo])),
    Effect.interruptible,
    Effect.forkDaemon,
  )
  yield* claim.pipe(
    Effect.flatMap((unread) => (unread ? Effect.all([letGo, chunks.shutdown]) : Effect.void)),
    Effect.delay(UNREAD_GRACE),
    Effect.interruptible,
    Effect.forkDaemon,
  )
  const attached: Attached = {
    run,
    take: Effect.map(claim, (unread) =>
      unread
        ? Option.some(Mailbox.toStream(chunks).pipe(Stream.ensuring(Effect.all([letGo, chunks.shutdown]))))
        : Option.none(),
    ),
    first: Effect.orDie(head.take),
    ended: Effect.zipRight(pump.await, Ref.get(stderr)),
  }
  return attached
})

const kill = (pid: number) => Effect.ignore(Effect.try(() => process.kill(pid, "SIGKILL")))

/** All that the engine's log has of a container, to its end. */
export const engineLog = (
  engine: Engine,
  purpose: Purpose,
  container: string,
  follow: boolean,
): Stream.Stream<OutputChunk, BackendError> =>
  Stream.unwrapScoped(
    Effect.map(
      engine.stream(purpose, ["logs", ...(follow ? ["--follow"] : []), container]),
      ({ output }) => output,
    ),
  )

/** Writes what is read to a file beside `file`, which takes its place when `whole` says that all was read. Readers at one time do not disturb each other. */
export const keepIn =
  (file: string, purpose: Purpose, engine: Engine, whole: Effect.Effect<boolean, BackendError>) =>
  (output: Stream.Stream<OutputChunk, BackendError>): Stream.Stream<OutputChunk, BackendError> => {
    const part = `${file}.${randomUUID()}.part`
    const attempt = <A>(action: () => Promise<A>) =>
      Effect.tryPromise({
        try: action,
        catch: (cause) =>
          engine.failure(purpose, `its output could not be kept in ${file}: ${String(cause)}`),
      })
    const kept = (handle: FileHandle) =>
      output.pipe(
        Stream.tap(({ bytes }) => attempt(() => handle.appendFile(bytes))),
        Stream.concat(
          Stream.execute(
            Effect.whenEffect(
              attempt(() => rename(part, file)),
              whole,
            ),
          ),
        ),
      )
    return Stream.unwrapScoped(
      Effect.map(
        Effect.acquireRelease(
          attempt(() =>
            mkdir(dirname(file), { recursive: true, mode: 0o700 }).then(() => open(part, "wx", 0o600)),
          ),
          (handle) => Effect.promise(() => handle.close().then(() => rm(part, { force: true }))),
        ),
        kept,
      ),
    )
  }
