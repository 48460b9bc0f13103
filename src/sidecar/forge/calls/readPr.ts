/** `read_pr`: a pull request of the run's repository. */
import { Effect, Schema } from "effect"
import { PullRequest } from "../../../domain/Forge.ts"
import { forgeCommands } from "../../../domain/ForgeCommands.ts"
import * as ForgeCall from "../ForgeCall.ts"
import { numberOf } from "../parameters.ts"
import { inline, showHead, showTexts } from "../showing.ts"

/** The call. */
export const readPr = ForgeCall.make({
  usage: forgeCommands.read_pr,
  description:
    "Read a pull request of the repository you work on: what an issue has, and merged, draft, head and base branch.",
  params: Schema.Struct({ number: numberOf("the pull request") }),
  success: PullRequest,
  subject: ({ number }) => `#${number}`,
  show: (pr) =>
    [
      showHead(pr),
      `merged: ${pr.merged ? "yes" : "no"}`,
      `draft: ${pr.draft ? "yes" : "no"}`,
      `head: ${inline(pr.head)}`,
      `base: ${inline(pr.base)}`,
      showTexts(pr),
    ].join("\n"),
  serve: () => ({
    run: ({ number }, { api }) =>
      Effect.map(api.readPr(number), (answer) => ({ answer, detail: `read PR #${number}` })),
  }),
})
