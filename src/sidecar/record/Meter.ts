/** Meter counts what a run uses, in memory and in a file, and admits calls to models within the run's limits. */
import { Effect, Either, Schema, type Scope } from "effect"
import { closeSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from "node:fs"
import { type MeterLine, type UseLimit, meterLineText, readMeterLines } from "../../domain/usage/MeterLine.ts"
import {
  type HostUse,
  type ModelUse,
  type RunMeter,
  totalOf,
  withHostUse,
  withModelUse,
} from "../../domain/usage/RunMeter.ts"
import {
  type Amounts,
  type Reservation,
  type UseLimits,
  fitOf,
  noticeOf,
  usedUp,
} from "../../domain/usage/UseLimits.ts"

/** The file of a meter cannot be used. */
export class MeterUnusable extends Schema.TaggedError<MeterUnusable>()("MeterUnusable", {
  cause: Schema.Defect,
}) {}

/** Why a call is not admitted. `busy`: later it may be. */
export type NotAdmitted =
  | { readonly why: "over"; readonly limit: UseLimit }
  | { readonly why: "busy" }
  | { readonly why: "unwritable" }

/** A call that was admitted: what it used is to be said once. */
export interface AdmittedCall {
  readonly used: (use: ModelUse) => void
}

/** The meter of one run. */
export interface MeterApi {
  readonly limits: UseLimits
  /** Sets what is added to the limits of tokens and cost that there are. A limit that was reached stays so. */
  readonly extend: (by: { readonly tokens: number; readonly cost: number }) => void
  /** Whether a call fits its limits beside what is used; nothing changes. */
  readonly fits: (reservation: Reservation) => boolean
  /**
   * The limit because of which this call and every later one is refused, whatever it is. With `mayRise`, a limit that is only used up
   * does not count yet.
   */
  readonly over: (mayRise?: boolean) => UseLimit | undefined
  /** Admits a call, in one step: no other call is admitted in between. `worst` is counted if its end is never said. */
  readonly admit: (reservation: Reservation, worst: ModelUse) => AdmittedCall | NotAdmitted
  readonly hostUsed: (use: HostUse) => void
  /** A note for the agent about its limits; undefined if there is none. */
  readonly notice: () => string | undefined
  /** What is counted so far. */
  readonly meter: () => RunMeter
}

/** What a meter needs. */
export interface MeterOptions {
  readonly path: string
  readonly limits: UseLimits
  /** Called once, when the run reaches one of its limits. */
  readonly reached: (limit: UseLimit) => void
}

/** From this size on the file is written anew, with the sum of its lines. */
const SIZE_MAX = 1024 * 1024

/**
 * Opens a meter. Calls that have no end when the scope closes count as they would after a crash. Only for one process at a time: it must
 * own the neck's socket.
 */
export const open = ({
  path,
  limits: given,
  reached,
}: MeterOptions): Effect.Effect<MeterApi, MeterUnusable, Scope.Scope> =>
  Effect.gen(function* () {
    const before = readMeterLines(yield* attempt(() => textIn(path)))
    let meter = before.meter
    let over = before.over
    let limits = given
    let total = amountsOf(meter)
    let nextId = 1
    const inFlight = new Map<number, { readonly reservation: Reservation; readonly worst: ModelUse }>()
    const lines = (): string =>
      [
        { line: "sum", meter } as const,
        ...(over === undefined ? [] : [{ line: "over", limit: over } as const]),
        ...[...inFlight].map(([id, { worst }]) => ({ line: "begin", id, use: worst }) as const),
      ]
        .map(meterLineText)
        .join("")
    const file = yield* Effect.acquireRelease(
      attempt(() => openFile(path, lines())),
      (file) => Effect.sync(() => file.close()),
    )
    const write = (line: MeterLine): boolean => {
      const isWritten = file.append(meterLineText(line))
      if (isWritten && file.size() > SIZE_MAX) file.replace(lines())
      return isWritten
    }
    const reach = (limit: UseLimit) => {
      if (over !== undefined) return
      over = limit
      write({ line: "over", limit })
      reached(limit)
    }
    return {
      get limits() {
        return limits
      },
      extend: ({ tokens, cost }) => {
        limits = {
          ...given,
          ...(given.tokens !== undefined && { tokens: given.tokens + tokens }),
          ...(given.cost !== undefined && { cost: given.cost + cost }),
        }
      },
      fits: (reservation) => over === undefined && fitOf(limits, total, [], reservation).fit === "yes",
      over: (mayRise = false) => {
        const limit = over ?? (mayRise ? undefined : usedUp(limits, total))
        if (limit !== undefined) reach(limit)
        return limit
      },
      admit: (reservation, worst) => {
        if (over !== undefined) return { why: "over", limit: over }
        const fit = fitOf(
          limits,
          total,
          [...inFlight.values()].map((call) => call.reservation),
          reservation,
        )
        if (fit.fit === "busy") return { why: "busy" }
        if (fit.fit === "no") {
          reach(fit.limit)
          return { why: "over", limit: fit.limit }
        }
        const id = nextId
        if (!write({ line: "begin", id, use: worst })) return { why: "unwritable" }
        nextId += 1
        inFlight.set(id, { reservation, worst })
        return {
          used: (use) => {
            if (!inFlight.delete(id)) return
            meter = withModelUse(meter, use)
            total = amountsOf(meter)
            write({ line: "end", id, use })
          },
        }
      },
      hostUsed: (use) => {
        meter = withHostUse(meter, use)
        write({ line: "host", use })
      },
      notice: () => noticeOf(limits, total),
      meter: () => meter,
    } satisfies MeterApi
  })

const amountsOf = (meter: RunMeter): Amounts => {
  const { calls, tokens, cost } = totalOf(meter)
  return { calls, tokens, cost }
}

const attempt = <A>(body: () => A): Effect.Effect<A, MeterUnusable> =>
  Effect.try({ try: body, catch: (cause) => new MeterUnusable({ cause }) })

/** The text of a file; `""` when there is none. */
const textIn = (path: string): string => {
  closeSync(openSync(path, "a", 0o600))
  return readFileSync(path, "utf8")
}

/** A file that is appended to. A line that could only be written in part does not damage the next one. */
const openFile = (path: string, text: string) => {
  let fd = -1
  let size = 0
  let isTorn = false
  const replace = (text: string): void => {
    const temporary = `${path}.new`
    writeFileSync(temporary, text, { mode: 0o600 })
    const next = openSync(temporary, "a", 0o600)
    renameSync(temporary, path)
    if (fd !== -1) closeSync(fd)
    fd = next
    size = Buffer.byteLength(text)
    isTorn = false
  }
  replace(text)
  return {
    size: () => size,
    append: (line: string): boolean => {
      const bytes = Buffer.from(isTorn ? `\n${line}` : line)
      const written = bytesWritten(() => writeSync(fd, bytes))
      size += written
      isTorn = written !== bytes.length && (isTorn || written > 0)
      return written === bytes.length
    },
    replace: (text: string): void => void bytesWritten(() => (replace(text), 0)),
    close: () => closeSync(fd),
  }
}

/** How many bytes were written; none when the disk is full. */
const bytesWritten = (write: () => number): number => Either.getOrElse(Either.try(write), () => 0)
