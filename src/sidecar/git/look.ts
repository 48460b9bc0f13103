/** How the gate reads what git lists of a push: within bounds of output, processor, memory and time, because the objects are an agent's. */
import { Effect, Stream } from "effect"
import type { ProcessRunner } from "../../services/ProcessRunner.ts"
import { type GitRun, gitSpec } from "../../domain/HardenedGit.ts"
import { GitFailure } from "./GitFailure.ts"

/** A push that has more paths or objects than are looked at: a tree of one kilobyte can name millions of paths. */
export const tooMuch = new GitFailure({
  reason: "the push has too many objects or paths to look at",
  remote: [],
})

/** What a run of git may use while it looks at a push: `cpuS` seconds of a processor, `memoryKib` KiB of addresses. */
export const LOOK_LIMITS = { cpuS: 10, memoryKib: 1536 * 1024, timeoutMs: 120_000 } as const

const SAID_MAX = 4096

/** A run of git whose output is read as records. */
export interface Listing extends Pick<GitRun, "args" | "objects" | "stdin"> {
  /** The bare repository. */
  readonly directory: string
  /** What stands between two records. */
  readonly separator: "\n" | "\0"
  /** Bytes of output; git is ended when it writes more. */
  readonly bytesMax: number
}

/** Reads a listing, record by record. Fails with {@link tooMuch} past its bounds, and when git does not end well. */
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
    // git keeps all differences of a commit before it writes the first: a bomb ends it by a limit of its own.
    if (signal !== undefined || (exitCode !== 0 && /out of memory|malloc failed/i.test(said)))
      return yield* tooMuch
    if (exitCode !== 0)
      return yield* new GitFailure({ reason: `git ${run.args[0] ?? ""} ended with ${exitCode}`, remote: [] })
  }).pipe(
    Effect.scoped,
    Effect.catchTag("ProcessError", ({ message }) => new GitFailure({ reason: message, remote: [] })),
  )
