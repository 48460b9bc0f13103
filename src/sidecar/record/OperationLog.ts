/** OperationLog appends lines to `operations.jsonl`. They are written before their calls' responses, and chained by hashes. */
import { Context, Effect, Either, Layer, Option, Schema } from "effect"
import type { Scope } from "effect"
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  writeFileSync,
  writeSync,
} from "node:fs"
import { dirname, join } from "node:path"
import { CHAIN_START, type OperationEntry, readLink, sealLine } from "./OperationChain.ts"

/** A line could not be appended (disk full). The call that it was for is refused. */
export class LogUnwritable extends Schema.TaggedError<LogUnwritable>()("LogUnwritable", {
  cause: Schema.Defect,
  /** The run has reached its limit of log growth. */
  full: Schema.optional(Schema.Boolean),
}) {}

/** What calls need from an operation log. */
export interface CallLog {
  /** Appends a line and returns its `seq`. */
  readonly append: (entry: OperationEntry) => Effect.Effect<number, LogUnwritable>
  /** Flushes appended lines, so that they survive a power cut. */
  readonly sync: Effect.Effect<void>
}

/** An operation log with its limit. */
export interface OperationLogApi extends CallLog {
  /** Appends a line that is not a call's, even when the log is at its limit. */
  readonly appendAlways: CallLog["append"]
  /** Whether a call that begins now is refused, because the log is at its limit. */
  readonly isFull: () => boolean
  /** Size of the log in bytes when it was opened. */
  readonly size: number
  /** Sets the size up to which the log may grow. Beyond it, only end lines of calls in progress and reports of limits are appended. */
  readonly limit: (bytes: number) => void
}

/** The operation log of the run, for the parts of a sidecar. */
export class OperationLog extends Context.Tag("bot-bottle/sidecar/OperationLog")<
  OperationLog,
  OperationLogApi
>() {}

/** The log at a path. */
export const layer = (path: string): Layer.Layer<OperationLog, LogUnwritable> =>
  Layer.scoped(OperationLog, open(path))

/** How bytes are written to the file; tests make it fail. */
export type Appender = (fd: number, bytes: Uint8Array) => number

/**
 * Opens the log to append to it. A partial line that a crash left is first moved to `operations.torn-<n>` beside it. Only for one
 * process at a time: it must own the neck's socket.
 */
export const open = (
  path: string,
  write: Appender = writeSync,
): Effect.Effect<OperationLogApi, LogUnwritable, Scope.Scope> =>
  Effect.gen(function* () {
    const fd = yield* Effect.acquireRelease(
      attempt(() => openSync(path, "a+", 0o600)),
      (fd) =>
        Effect.zipRight(
          flush(fd),
          Effect.sync(() => closeSync(fd)),
        ),
    )
    const place = yield* attempt(() => recover(fd, path))
    const pending: Array<Pending> = []
    let written = { ...place }
    const size = place.size
    let allowed = Number.POSITIVE_INFINITY
    /** Size of the log in bytes, including waiting lines. */
    let added = place.size
    const begun = new Set<number>()
    const isFull = () => added + begun.size * RESERVED >= allowed
    /** Room for the end lines of calls in progress is reserved: an end is never lost. */
    const takes = ({ phase }: OperationEntry) => phase === "end" || !isFull()
    let torn = false
    const writePending = (): Either.Either<void, LogUnwritable> => {
      const bytes = Buffer.from(pending.map(({ line }) => line).join(""))
      const whole = Either.try({
        try: () => {
          if (torn) ftruncateSync(fd, written.size)
          torn = true
          return write(fd, bytes) === bytes.length
        },
        catch: (cause) => new LogUnwritable({ cause }),
      })
      if (Either.isRight(whole) && whole.right) {
        torn = false
        written = { ...place, size: written.size + bytes.length }
        return Either.void
      }
      Object.assign(place, written)
      added = written.size
      return Either.isLeft(whole) ? Either.left(whole.left) : notWhole
    }
    let company = 0
    /** Calls of one turn of the event loop share a write, which costs more than everything else about a line. */
    const flushPending = (): void => {
      if (pending.length === 0) return
      company = pending.length > 1 ? SAMPLE : Math.max(0, company - 1)
      const result = writePending()
      for (const { done } of pending.splice(0)) done(result)
    }
    /** In one synchronous step, so that no other call gets between the place in the chain and the line. */
    const add = (entry: OperationEntry, now: number, done: Pending["done"]): number => {
      place.seq += 1
      const { seq, prev } = place
      const sealed = sealLine(entry, { seq, at: new Date(now).toISOString(), prev })
      place.prev = sealed.hash
      const line = `${sealed.line}\n`
      added += Buffer.byteLength(line)
      if (entry.phase === "begin") begun.add(seq)
      if (entry.begin !== undefined) begun.delete(entry.begin)
      pending.push({ line, done })
      return seq
    }
    const appendAt = (entry: OperationEntry, now: number): Effect.Effect<number, LogUnwritable> => {
      const isAlone = pending.length === 0 && company === 0 && place.seq % SAMPLE !== 0
      if (!isAlone) {
        return Effect.async((resume) => {
          const seq = add(entry, now, (result) => resume(Either.map(result, () => seq)))
          if (pending.length === 1) setImmediate(flushPending)
        })
      }
      // Avoids a turn of the fiber's scheduler, which costs as much as the line.
      let written: Either.Either<void, LogUnwritable> = Either.void
      const seq = add(entry, now, (result) => (written = result))
      flushPending()
      return Either.map(written, () => seq)
    }
    const appendAlways = (entry: OperationEntry) =>
      Effect.clockWith((clock) => appendAt(entry, clock.unsafeCurrentTimeMillis()))
    const append = (entry: OperationEntry) =>
      Effect.clockWith((clock) =>
        takes(entry) ? appendAt(entry, clock.unsafeCurrentTimeMillis()) : Effect.fail(full),
      )
    yield* Effect.addFinalizer(() => Effect.sync(flushPending))
    const limit = (bytes: number) => void (allowed = bytes)
    return {
      append,
      appendAlways,
      isFull,
      size,
      limit,
      sync: Effect.zipRight(Effect.sync(flushPending), flush(fd)),
    }
  })

/**
 * A line waits for others only while there are others. Every so many lines one finds that out, since waiting alone costs a turn of the
 * event loop.
 */
const SAMPLE = 32

/** Bytes reserved for the end line of each call in progress. No line is longer. */
const RESERVED = 2048

const full = new LogUnwritable({ cause: "the run's operation log is full", full: true })

/** A line that is not written yet. */
interface Pending {
  readonly line: string
  readonly done: (result: Either.Either<void, LogUnwritable>) => void
}

const notWhole = Either.left(new LogUnwritable({ cause: "only part of the lines was written to disk" }))

const attempt = <A>(body: () => A) =>
  Effect.try({ try: body, catch: (cause) => new LogUnwritable({ cause }) })

const flush = (fd: number): Effect.Effect<void> => Effect.ignore(attempt(() => fsyncSync(fd)))

/** The end of the chain, after bytes behind the last complete line were moved away. */
const recover = (fd: number, path: string): { size: number; seq: number; prev: string } => {
  const { size } = fstatSync(fd)
  let end = size
  while (end > 0) {
    const { start, text } = lastLine(fd, end)
    const link = text.endsWith("\n") ? Option.getOrUndefined(readLink(text)) : undefined
    if (link !== undefined) {
      setAside(fd, path, end, size)
      return { size: end, seq: link.seq, prev: link.hash }
    }
    end = start
  }
  setAside(fd, path, 0, size)
  return { size: 0, seq: 0, prev: CHAIN_START }
}

const CHUNK = 64 * 1024

/** The line that ends at `end`, including its newline, read backwards. */
const lastLine = (fd: number, end: number): { start: number; text: string } => {
  let bytes = Buffer.alloc(0)
  let start = end
  while (start > 0) {
    const chunk = Buffer.alloc(Math.min(CHUNK, start))
    start -= chunk.length
    readSync(fd, chunk, 0, chunk.length, start)
    bytes = Buffer.concat([chunk, bytes])
    const newline = bytes.length < 2 ? -1 : bytes.lastIndexOf(10, bytes.length - 2)
    if (newline >= 0)
      return { start: start + newline + 1, text: bytes.subarray(newline + 1).toString("utf8") }
  }
  return { start: 0, text: bytes.toString("utf8") }
}

const setAside = (fd: number, path: string, from: number, to: number): void => {
  if (from === to) return
  const torn = Buffer.alloc(to - from)
  readSync(fd, torn, 0, torn.length, from)
  let n = 1
  while (existsSync(tornPath(path, n))) n += 1
  writeFileSync(tornPath(path, n), torn, { mode: 0o600, flag: "wx" })
  ftruncateSync(fd, from)
}

const tornPath = (path: string, n: number): string => join(dirname(path), `operations.torn-${n}`)
