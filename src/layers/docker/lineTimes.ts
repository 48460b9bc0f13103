/** When an engine received each line of a container's log. */
import { Effect, Stream } from "effect"
import type { OutputChunk } from "../../services/ProcessRunner.ts"
import type { KnownTimes, WrittenBy } from "../bottle/outputTimes.ts"
import type { Engine, Purpose } from "./engine.ts"

const SPACE = 32
const NEWLINE = 10
const TIME_MAX = 64

/**
 * Read apart from the log itself, with `--timestamps`. The engine puts a time also before each further part of a long line, where it
 * cannot be told from the agent's text, so that only the times at the beginning of lines are read.
 */
export const lineTimes = (engine: Engine, purpose: Purpose, container: string): Effect.Effect<KnownTimes> =>
  Effect.gen(function* () {
    const times = { stdout: reading(), stderr: reading() }
    const log = (yield* engine.transport).log(purpose, container, { timestamps: true })
    yield* Stream.runForEach(log, (chunk) => Effect.sync(() => times[chunk.stream].read(chunk)))
    return { stdout: times.stdout.known, stderr: times.stderr.known }
  }).pipe(Effect.orElseSucceed(() => ({ stdout: [], stderr: [] })))

const reading = () => {
  const known: Array<WrittenBy> = []
  let lines = 0
  let time: string | undefined = ""
  const ended = (text: string) => {
    lines++
    const last = known.at(-1)
    const at = Math.max(last?.at ?? 0, Date.parse(text) || 0)
    if (last !== undefined && Math.floor(last.at / 1000) === Math.floor(at / 1000)) known.pop()
    known.push({ upTo: lines, at })
  }
  const read = ({ bytes }: Pick<OutputChunk, "bytes">): void => {
    for (let at = 0; at < bytes.length;) {
      const end = bytes.indexOf(time === undefined ? NEWLINE : SPACE, at)
      if (time !== undefined) {
        const more = bytes.subarray(at, end < 0 ? bytes.length : end)
        time = (time + Buffer.from(more).toString("latin1")).slice(0, TIME_MAX)
      }
      if (end < 0) return
      if (time !== undefined) ended(time)
      time = time === undefined ? "" : undefined
      at = end + 1
    }
  }
  return { known, read }
}
