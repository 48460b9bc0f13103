/** Reads git's listings of a push with limits of output, CPU time, memory and time, because an agent made the objects. */
import { Effect, Stream } from "effect"
import type { ProcessRunner } from "../../services/ProcessRunner.ts"
import { type GitRun, gitSpec } from "../../domain/HardenedGit.ts"
import { GitFailure } from "./GitFailure.ts"

/** The error of a push with too many paths or objects: a tree of one kilobyte can name millions of paths. */
export const tooMuch = new GitFailure({
  reason: "the push has too many objects or paths to look at",
  remote: [],
})

/** Limits of a git process that inspects a push: `cpuS` seconds of CPU time, `memoryKib` KiB of address space. */
export const LOOK_LIMITS = { cpuS: 10, memoryKib: 1536 * 1024, timeoutMs: 120_000 } as const

const SAID_MAX = 4096

/** A git process whose output is read as records. */
export interface Listing extends Pick<GitRun, "args" | "objects" | "stdin"> {
  /** The bare repository. */
  readonly directory: string
  /** The record separator. */
  readonly separator: "\n" | "\0"
  /** Bytes of output. git is ended when it writes more. */
  readonly bytesMax: number
}

/** Reads a listing, record by record. Fails with {@link tooMuch} beyond its limits, and when git fails. */
export const eachRecord = (
  runner: typeof ProcessRunner.Service,
  { separator, bytesMax, ...run }: Listing,
  each: (record: string) => void,
): Effect.Effect<void, GitFailure> =>
  Effect.gen(function* () {
    const { output, exit } = yield* runner.stream(gitSpec({ ...LOOK_LIMITS, ...run }))
    const decoder = new TextDecoder()
    let size = 0
    let rest = ""
    let said = ""
    yield* Stream.runForEach(output, ({ stream, bytes }) =>
      Effect.suspend(() => {
        if (stream !== "stdout") {
          said = `${said}${Buffer.from(bytes).toString("latin1")}`.slice(-SAID_MAX)
          return Effect.void
        }
        size += bytes.length
        if (size > bytesMax) return Effect.fail(tooMuch)
        const records = `${rest}${decoder.decode(bytes, { stream: true })}`.split(separator)
        rest = records.pop() ?? ""
        for (const record of records) each(record)
        return Effect.void
      }),
    )
    if (rest !== "") each(rest)
    const { exitCode, signal } = yield* exit
    // git collects all differences of a commit before it writes the first: a bomb reaches another limit.
    if (signal !== undefined || (exitCode !== 0 && /out of memory|malloc failed/i.test(said)))
      return yield* tooMuch
    if (exitCode !== 0)
      return yield* new GitFailure({ reason: `git ${run.args[0] ?? ""} ended with ${exitCode}`, remote: [] })
  }).pipe(
    Effect.scoped,
    Effect.catchTag("ProcessError", ({ message }) => new GitFailure({ reason: message, remote: [] })),
  )
