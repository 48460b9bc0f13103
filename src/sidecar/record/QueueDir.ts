/**
 * QueueDir stores events as files: `<number>.json`, written atomically, in order, each number used once. Several processes may append;
 * one consumer reads and settles.
 */
import { Clock, Effect, Option, Schema } from "effect"
import { link, readFile, rename, stat } from "node:fs/promises"
import { join } from "node:path"
import { SidecarError } from "../../domain/Errors.ts"
import type { Slug } from "../../domain/Slug.ts"
import { type NumberedEvent, QueueEvent } from "../../domain/QueueEvent.ts"
import {
  type FileFailure,
  file,
  orElseOn,
  replaceFile,
  syncDirectory,
  unlinkIfThere,
  writeTemporary,
  ensureDirectory,
  namesIn,
  readBounded,
} from "../../files/files.ts"

const REJECTED = "rejected"
/** The number of the newest settled event, so that numbering continues when every file is gone. */
const HIGH_WATER = ".settled"
const EVENT_FILE = /^\d{12}\.json$/
const EVENT_BYTES_MAX = 64 * 1024
/** A settled event's file that still exists after this time was left by a crash. */
const LEFT_OVER_MS = 60_000

const encodeEvent = Schema.encodeSync(Schema.parseJson(QueueEvent))
const decodeEvent = Schema.decodeUnknownOption(Schema.parseJson(QueueEvent), { onExcessProperty: "error" })

/** Writes an event to the queue in `directory` and returns its number, once it would survive a power cut. */
export const append = Effect.fn("QueueDir.append")(function* (directory: string, event: QueueEvent) {
  return yield* appendText(directory, encodeEvent(event)).pipe(asSidecarError(event.slug, "append"))
})

/** The waiting events, in order. A file that is not an event is moved to `rejected/`, with a warning. */
export const events = Effect.fn("QueueDir.events")(function* (directory: string, slug: Slug) {
  const numbers = yield* waiting(directory).pipe(asSidecarError(slug, "read"))
  const found: Array<NumberedEvent> = []
  for (const number of numbers) {
    // A writer that finds its number already settled takes a newer one, and removes its first file.
    const read = yield* readEvent(directory, number).pipe(
      Effect.asSome,
      orElseOn("ENOENT", Option.none<Option.Option<NumberedEvent>>()),
      asSidecarError(slug, "read"),
    )
    if (Option.isNone(read)) continue
    if (Option.isSome(read.value)) found.push(read.value.value)
    else yield* reject(directory, slug, number)
  }
  return found
})

/** Removes an event whose effect is stored. Succeeds when it is gone. */
export const settle = Effect.fn("QueueDir.settle")(function* (directory: string, slug: Slug, number: number) {
  const remove = Effect.gen(function* () {
    if (number > (yield* highWater(directory)))
      yield* replaceFile(join(directory, HIGH_WATER), String(number))
    yield* unlinkIfThere(join(directory, fileName(number)))
  })
  yield* remove.pipe(orElseOn("ENOENT", undefined), asSidecarError(slug, "settle"))
})

const asSidecarError =
  (slug: Slug, operation: string) =>
  <A>(effect: Effect.Effect<A, FileFailure>): Effect.Effect<A, SidecarError> =>
    Effect.mapError(
      effect,
      ({ cause, code }) =>
        new SidecarError({
          slug,
          operation: `${operation} of its queue`,
          reason: `the queue's directory could not be used${code === "" ? "" : ` (${code})`}`,
          cause,
        }),
    )

const readEvent = Effect.fnUntraced(function* (directory: string, number: number) {
  const path = join(directory, fileName(number))
  const read = yield* readBounded(path, EVENT_BYTES_MAX).pipe(
    // A link is not an event.
    orElseOn("ELOOP", { kind: "NotAFile" } as const),
  )
  return read.kind === "Bytes"
    ? Option.map(decodeEvent(read.bytes.toString("utf8")), (event): NumberedEvent => ({ number, event }))
    : Option.none<NumberedEvent>()
})

const reject = Effect.fnUntraced(function* (directory: string, slug: Slug, number: number) {
  const name = fileName(number)
  yield* ensureDirectory(join(directory, REJECTED)).pipe(
    Effect.zipRight(file(() => rename(join(directory, name), join(directory, REJECTED, name)))),
    asSidecarError(slug, "read"),
  )
  yield* Effect.logWarning(`queue of bottle "${slug}": ${name} is no event and was moved to ${REJECTED}/`)
})

const fileName = (number: number): string => `${String(number).padStart(12, "0")}.json`

const numbersIn = (directory: string): Effect.Effect<ReadonlyArray<number>, FileFailure> =>
  namesIn(directory).pipe(
    Effect.map((names) =>
      names
        .flatMap((name) => (EVENT_FILE.test(name) ? [Number.parseInt(name, 10)] : []))
        .sort((a, b) => a - b),
    ),
  )

/** A directory that is read while files are added may miss one and list the next: a gap is checked twice. */
const waiting = Effect.fnUntraced(function* (directory: string) {
  const settled = yield* highWater(directory)
  const numbers = yield* numbersIn(directory)
  const leftOver = numbers.filter((number) => number <= settled)
  yield* Effect.forEach(leftOver, (number) => removeLeftOver(join(directory, fileName(number))), {
    discard: true,
  })
  const unsettled = numbers.slice(leftOver.length)
  const hasGap = unsettled.some((number, index) => number !== settled + 1 + index)
  return hasGap ? (yield* numbersIn(directory)).filter((number) => number > settled) : unsettled
})

const removeLeftOver = Effect.fnUntraced(function* (path: string) {
  const status = yield* file(() => stat(path)).pipe(orElseOn("ENOENT", undefined))
  const now = yield* Clock.currentTimeMillis
  if (status !== undefined && now - status.mtimeMs > LEFT_OVER_MS) yield* unlinkIfThere(path)
})

const highWater = (directory: string): Effect.Effect<number, FileFailure> =>
  file(() => readFile(join(directory, HIGH_WATER), "utf8")).pipe(orElseOn("ENOENT", "0"), Effect.map(Number))

const appendText = Effect.fnUntraced(function* (directory: string, text: string) {
  yield* ensureDirectory(directory)
  const number = yield* Effect.acquireUseRelease(
    writeTemporary(directory, text),
    (temporary) => linkToNext(directory, temporary),
    (temporary) => Effect.ignore(unlinkIfThere(temporary)),
  )
  yield* syncDirectory(directory)
  return number
})

/** `link` never overwrites, so one of two writers goes on to the next number. */
const linkToNext = Effect.fnUntraced(function* (directory: string, temporary: string) {
  const used = [
    yield* highWater(directory),
    ...(yield* numbersIn(directory)),
    ...(yield* numbersIn(join(directory, REJECTED))),
  ]
  let number = Math.max(...used)
  let free = false
  while (!free) {
    const path = join(directory, fileName((number += 1)))
    const taken = yield* file(() => link(temporary, path)).pipe(Effect.as(false), orElseOn("EEXIST", true))
    free = !taken && !(yield* wasSettledBefore(directory, temporary, path, number))
  }
  return number
})

/**
 * Between finding a number and taking it, another writer's event with that number may have been added and settled: ours would then pass
 * for settled. It is withdrawn, unless it was ours that was settled (our file is gone).
 */
const wasSettledBefore = Effect.fnUntraced(function* (
  directory: string,
  temporary: string,
  path: string,
  number: number,
) {
  if ((yield* highWater(directory)) < number) return false
  const ours = yield* file(() => stat(temporary))
  const there = yield* file(() => stat(path)).pipe(orElseOn("ENOENT", undefined))
  if (there?.ino !== ours.ino) return false
  yield* unlinkIfThere(path)
  return true
})
