/** OperationLog appends lines to `operations.jsonl`, each by one write before its call is answered, chained by their hashes. */
import { Clock, Effect, Option, Schema } from "effect"
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

/** A line could not be appended (disk full); the call it was for is refused. */
export class LogUnwritable extends Schema.TaggedError<LogUnwritable>()("LogUnwritable", {
  cause: Schema.Defect,
}) {}

/** An open operation log. */
export interface OperationLog {
  /** Appends a line and answers its `seq`. */
  readonly append: (entry: OperationEntry) => Effect.Effect<number, LogUnwritable>
  /** Makes what was appended survive a power cut. */
  readonly sync: Effect.Effect<void>
}

/** How bytes reach the file; a test makes it fail. */
export type Appender = (fd: number, bytes: Uint8Array) => number

/**
 * Opens the log and goes on where it ends. What a crash left half-written is set aside first, as
 * `operations.torn-<n>` beside it. One process at a time: it must own the neck's socket.
 */
export const open = (
  path: string,
  write: Appender = writeSync,
): Effect.Effect<OperationLog, LogUnwritable, Scope.Scope> =>
  Effect.gen(function* () {
    const fd = yield* Effect.acquireRelease(
      attempt(() => openSync(path, "a+", 0o600)),
      (fd) =>
        Effect.zipRight(
          flush(fd),
          Effect.sync(() => closeSync(fd)),
        ),
    )
    let { size, seq, prev } = yield* attempt(() => recover(fd, path))
    let torn = false
    /** In one synchronous step, so that no other call comes between the place in the chain and the write. */
    const appendAt = (entry: OperationEntry, now: number): number => {
      if (torn) ftruncateSync(fd, size)
      const sealed = sealLine(entry, { seq: seq + 1, at: new Date(now).toISOString(), prev })
      const bytes = Buffer.from(`${sealed.line}\n`)
      torn = true
      if (write(fd, bytes) !== bytes.length) return NOT_WHOLE
      torn = false
      size += bytes.length
      prev = sealed.hash
      return (seq += 1)
    }
    const append = (entry: OperationEntry) =>
      Clock.currentTimeMillis.pipe(
        Effect.flatMap((now) => attempt(() => appendAt(entry, now))),
        Effect.filterOrFail(
          (place) => place !== NOT_WHOLE,
          () => new LogUnwritable({ cause: "the disk took a part of the line" }),
        ),
      )
    return { append, sync: flush(fd) }
  })

const NOT_WHOLE = 0

const attempt = <A>(body: () => A) =>
  Effect.try({ try: body, catch: (cause) => new LogUnwritable({ cause }) })

const flush = (fd: number): Effect.Effect<void> => Effect.ignore(attempt(() => fsyncSync(fd)))

/** Where the chain ends, after bytes behind the last whole line were set aside. */
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

/** The line that ends at `end`, its newline included, read backwards. */
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
