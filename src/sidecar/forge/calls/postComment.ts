/** `post_comment`: a comment to an issue or a pull request in scope. */
import { Effect, Schema } from "effect"
import { forgeCommands } from "../../../domain/ForgeCommands.ts"
import * as ForgeCall from "../ForgeCall.ts"
import { anyText, numberOf } from "../parameters.ts"

/** The call. */
export const postComment = ForgeCall.make({
  usage: forgeCommands.post_comment,
  description: "Post a comment to your assigned issue or to your own pull request. Markdown; sent unchanged.",
  params: Schema.Struct({ number: numberOf("the issue or pull request"), body: anyText("The comment") }),
  success: Schema.Struct({ id: Schema.Number }),
  writes: { number: ({ number }) => number, isComment: true },
  subject: ({ number }) => `#${number}`,
  show: ({ id }) => `posted comment ${id}`,
  serve: () => ({
    run: ({ number, body }, { api }) =>
      Effect.map(api.postComment(number, body), (id) => ({
        answer: { id },
        detail: `posted comment to #${number}`,
      })),
  }),
})
