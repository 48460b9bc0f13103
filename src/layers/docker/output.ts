/** Output of a container: streamed from our attached client, or else from the engine's log, and stored in a file once it is complete. */
import { Effect, Exit, Mailbox, Option, Ref, Scope, Stream } from "effect"
import { randomUUID } from "node:crypto"
import { appendFile, mkdir, open, rename, rm } from "node:fs/promises"
import type { FileHandle } from "node:fs/promises"
import { dirname } from "node:path"
import type { BackendError } from "../../services/Backends.ts"
import type { OutputChunk } from "../../services/ProcessRunner.ts"
import { dated, marking, timesFile } from "../bottle/outputTimes.ts"
import type { Engine, Purpose } from "./engine.ts"
import { lineTimes } from "./lineTimes.ts"

/** How long output waits until somebody takes it. */
const UNREAD_GRACE = "10 seconds"

/** How many chunks of at most 64 KiB may wait for their reader. Then the agent blocks. */
const UNREAD_PIECES = 256

/** A reader that was attached before the container's first byte. */
export interface Attached {
  readonly run: number
  /** Its output from the first byte; none when somebody has taken it or it was released. */
  readonly take: Effect.Effect<Option.Option<Stream.Stream<OutputChunk>>>
  /** Whether it is known that the container was started. If not, `first` or `ended` tells. */
  readonly isStarted: boolean
  /** The first chunk of output. */
  readonly first: Effect.Effect<OutputChunk>
  /** What came on stderr, once the reader is gone. */
  readonly ended: Effect.Effect<string>
}

/**
 * Starts a container with a reader attached, because only in this way its bytes are exact: the engine's log replaces invalid UTF-8. It
 * is started in a directory of the run, where podman's monitor leaves a file `oom`.
 */
export const startAttached = Effect.fn("startAttached")(function* (
  engine: Engine,
  purpose: Purpose,
  container: string,
  run: number,
  directory: string,
) {
  const scope = yield* Scope.make()
  const reader = yield* (yield* engine.transport).start(purpose, container, directory).pipe(
    Scope.extend(scope),
    Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause))),
  )
  const letGo = Scope.close(scope, Exit.void)
  const chunks = yield* Mailbox.make<OutputChunk>({ capacity: UNREAD_PIECES })
  const head = yield* Mailbox.make<OutputChunk>({ capacity: 1, strategy: "dropping" })
  const stderr = yield* Ref.make("")
  const free = yield* Ref.make(true)
  const claim = Ref.getAndSet(free, false)

  const pump = yield* reader.output.pipe(
    Stream.runForEach((chunk) =>
      Effect.all([
        head.offer(chunk),
        chunk.stream === "stderr"
          ? Ref.update(stderr, (text) => (text + Buffer.from(chunk.bytes).toString("utf8")).slice(-4096))
          : Effect.void,
        chunks.offer(chunk),
      ]),
    ),
    Effect.zipRight(reader.gone),
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
    isStarted: reader.isStarted,
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

/** The engine's whole log of a container, to its end. */
export const engineLog = (
  engine: Engine,
  purpose: Purpose,
  container: string,
  follow: boolean,
): Stream.Stream<OutputChunk, BackendError> =>
  Stream.unwrap(Effect.map(engine.transport, ({ log }) => log(purpose, container, { follow })))

/** The same with the times at which the engine received it. */
export const datedLog = (
  engine: Engine,
  purpose: Purpose,
  container: string,
  follow: boolean,
): Stream.Stream<OutputChunk, BackendError> =>
  Stream.unwrap(
    Effect.map(lineTimes(engine, purpose, container), (known) =>
      dated(known, "lines")(engineLog(engine, purpose, container, follow)),
    ),
  )

/**
 * Writes what is read to a file beside `file`, and replaces `file` by it when `whole` says that everything was read. Simultaneous
 * readers do not disturb each other. The times of its parts are stored beside it.
 */
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
    const times = timesFile(part)
    const kept = (handle: FileHandle) => {
      const markOf = marking()
      return output.pipe(
        Stream.tap((chunk) => {
          const mark = markOf(chunk)
          const marked = mark === "" ? Effect.void : attempt(() => appendFile(times, mark, { mode: 0o600 }))
          return Effect.zipRight(
            marked,
            attempt(() => handle.appendFile(chunk.bytes)),
          )
        }),
        Stream.concat(
          Stream.execute(
            Effect.whenEffect(
              attempt(() =>
                // There is none of an empty output.
                rename(times, timesFile(file))
                  .catch(() => undefined)
                  .then(() => rename(part, file)),
              ),
              whole,
            ),
          ),
        ),
      )
    }
    return Stream.unwrapScoped(
      Effect.map(
        Effect.acquireRelease(
          attempt(() =>
            mkdir(dirname(file), { recursive: true, mode: 0o700 }).then(() => open(part, "wx", 0o600)),
          ),
          (handle) =>
            Effect.promise(() =>
              handle.close().then(() => Promise.all([part, times].map((path) => rm(path, { force: true })))),
            ),
        ),
        kept,
      ),
    )
  }
