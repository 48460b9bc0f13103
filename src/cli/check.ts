/** `__check`: says of each command line on stdin, a JSON array of words, what is wrong with it. For the check of documents. */
import { Effect, Either, Schema } from "effect"
import { text } from "node:stream/consumers"
import { readLine } from "./line/read.ts"
import type { CommandInfo } from "./line/tree.ts"
import { printLine } from "./output.ts"

const Words = Schema.parseJson(Schema.Array(Schema.String))

/** Prints a line for each: the problem, or nothing. */
export const check = Effect.fn("cli.check")(function* (tree: CommandInfo) {
  const lines = (yield* Effect.promise(() => text(process.stdin))).split("\n").filter((line) => line !== "")
  yield* Effect.forEach(
    lines,
    (line) =>
      printLine(
        Either.match(
          Either.flatMap(Schema.decodeEither(Words)(line), (words) => readLine(tree, words)),
          {
            onLeft: (error) => ("problem" in error ? error.problem : (error.message.split("\n")[0] ?? "")),
            onRight: () => "",
          },
        ),
      ),
    { discard: true },
  )
})
