/** `read_issue`: an issue of the run's repository. */
import { Effect, Schema } from "effect"
import { Issue } from "../../../domain/Forge.ts"
import { forgeCommands } from "../../../domain/ForgeCommands.ts"
import * as ForgeCall from "../ForgeCall.ts"
import { numberOf } from "../parameters.ts"
import { showHead, showTexts } from "../showing.ts"

/** The call. */
export const readIssue = ForgeCall.make({
  usage: forgeCommands.read_issue,
  description:
    "Read an issue of the repository you work on: title, body, state, author, labels, assignees. A pull request's number is not an issue's.",
  params: Schema.Struct({ number: numberOf("the issue") }),
  success: Issue,
  subject: ({ number }) => `#${number}`,
  show: (issue) => `${showHead(issue)}\n${showTexts(issue)}`,
  serve: () => ({
    run: ({ number }, { api }) =>
      Effect.map(api.readIssue(number), (answer) => ({ answer, detail: `read issue #${number}` })),
  }),
})
