/** `update_description`: a new description for an issue or a pull request in scope. */
import { Effect, Schema } from "effect"
import { forgeCommands } from "../../../domain/ForgeCommands.ts"
import * as ForgeCall from "../ForgeCall.ts"
import { anyText, numberOf } from "../parameters.ts"

/** The call. */
export const updateDescription = ForgeCall.make({
  usage: forgeCommands.update_description,
  description:
    "Replace the description of your assigned issue or of your own pull request. Markdown; sent unchanged.",
  params: Schema.Struct({
    number: numberOf("the issue or pull request"),
    body: anyText("The whole new description"),
  }),
  success: Schema.Null,
  writes: { number: ({ number }) => number },
  subject: ({ number }) => `#${number}`,
  show: () => "updated",
  serve: () => ({
    run: ({ number, body }, { api }) =>
      Effect.as(api.updateDescription(number, body), {
        answer: null,
        detail: `updated description of #${number}`,
      }),
  }),
})
