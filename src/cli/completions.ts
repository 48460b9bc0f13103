/** `__complete WORD...`: what may stand in place of the last word, for completion scripts. */
import { Effect } from "effect"
import { neutralLine } from "../domain/Neutral.ts"
import { completionOf, offersOf } from "./line/complete.ts"
import type { CommandInfo } from "./line/tree.ts"
import { COLUMNS } from "./list.ts"
import { printLine } from "./output.ts"

/** Prints the answer that the scripts read. */
export const complete = Effect.fn("cli.complete")(function* (
  tree: CommandInfo,
  words: ReadonlyArray<string>,
) {
  const completion = completionOf(tree, words, Object.keys(COLUMNS))
  const { ask, isPart = false, paths } = completion
  const asked =
    ask === undefined
      ? []
      : yield* Effect.flatMap(
          Effect.promise(() => import("./lazy/completionValues.ts")),
          ({ completionValues }) => completionValues(ask),
        )
  const flags = [...(isPart ? ["nospace"] : []), ...(paths === undefined ? [] : [paths])]
  const offers = [...completion.offers, ...offersOf(completion, asked)]
  yield* printLine([flags.join(" "), ...offers.map(([word, about]) => `${word}\t${neutralLine(about)}`)])
})
