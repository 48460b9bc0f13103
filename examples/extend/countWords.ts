/** A call of one's own at the neck: how many words the description of an issue has. */
import * as ForgeCalls from "bot-bottle/ForgeCalls"
import { Effect, Schema } from "effect"

/** Reads only: the scope of a run does not limit it. */
export const countWords = ForgeCalls.make({
  usage: {
    name: "count_words",
    words: [{ name: "number", shown: "N", number: true }],
    help: "how many words the description of an issue has",
    assignment: {
      example: ({ issue }) => `forge call count-words number=${issue}`,
      note: () => "any number of this repository",
    },
  },
  description: "Count the words in the description of an issue.",
  params: Schema.Struct({ number: ForgeCalls.numberOf("the issue") }),
  success: Schema.Struct({ words: Schema.Number }),
  subject: ({ number }) => `#${number}`,
  show: ({ words }) => `${words} words`,
  serve: () => ({
    run: ({ number }, { api }) =>
      Effect.map(api.readIssue(number), ({ body }) => ({
        answer: { words: body.split(/\s+/).filter((word) => word !== "").length },
        detail: `counted words of #${number}`,
      })),
  }),
})
