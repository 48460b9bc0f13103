/** Checks the messages of pushed commits and tags: a forge closes issues by them too. */
import { Effect } from "effect"
import { randomBytes } from "node:crypto"
import type { Quarantine } from "./inspect.ts"
import { GitFailure } from "./GitFailure.ts"

/** The problem of a text that goes to the forge, if any. */
export type TextProblem = (text: string) => Effect.Effect<string | undefined>

/** They are in memory as text. */
const BYTES_MAX = 16 * 1024 * 1024

/** Lines that say which commit or tag has a refused message; empty when none has. */
export const messageProblems = Effect.fnUntraced(function* (
  { repository, objects, fresh }: Quarantine,
  problemOf: TextProblem,
): Effect.fn.Return<ReadonlyArray<string>, GitFailure> {
  const messages = [...fresh].filter(([, { type }]) => type === "commit" || type === "tag")
  if (messages.length === 0) return []
  if (messages.reduce((sum, [, { size }]) => sum + size, 0) > BYTES_MAX)
    return yield* new GitFailure({ reason: "the messages of its commits are too long", remote: [] })
  // No message can contain this, whoever wrote it.
  const mark = randomBytes(16).toString("hex")
  const { stdout } = yield* repository.git({
    args: ["cat-file", `--batch=${mark} %(objecttype) %(objectname)`],
    objects,
    stdin: messages.map(([id]) => `${id}\n`).join(""),
    maxOutputBytes: 2 * BYTES_MAX,
  })
  const [, ...all] = stdout.split(`${mark} `)
  if (all.length !== messages.length)
    return yield* new GitFailure({ reason: "its commits could not be read", remote: [] })
  const lines = yield* Effect.forEach(all, (text) => {
    const headEnd = text.indexOf("\n")
    const bodyAt = text.indexOf("\n\n", headEnd)
    return Effect.map(problemOf(bodyAt === -1 ? text : text.slice(bodyAt + 2)), (problem) => {
      const [type = "", id = ""] = text.slice(0, headEnd).split(" ")
      return problem === undefined ? [] : [`${type} ${id.slice(0, 10)}: ${problem}`]
    })
  })
  return lines.flat()
})
