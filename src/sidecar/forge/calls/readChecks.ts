/** `read_checks`: the results of checks of a pull request's head. */
import { Effect, Schema } from "effect"
import { type CheckResult, Checks } from "../../../domain/ForgeDetails.ts"
import { forgeCommands } from "../../../domain/ForgeCommands.ts"
import * as ForgeCall from "../ForgeCall.ts"
import { oneAtATime } from "../oneAtATime.ts"
import { numberOf } from "../parameters.ts"
import { inline, quoted } from "../showing.ts"

/** The call. */
export const readChecks = ForgeCall.make({
  usage: forgeCommands.read_checks,
  description:
    "Read what checks (CI) say of the head commit of a pull request: state, name, description and link of each. The state error is a failure of the infrastructure, not of the commit.",
  params: Schema.Struct({ number: numberOf("the pull request") }),
  success: Checks,
  subject: ({ number }) => `#${number}`,
  show: ({ head, checks }) =>
    [`head: ${inline(head)}`, ...(checks.length === 0 ? ["no checks"] : checks.map(showCheck))].join("\n\n"),
  serve: () => {
    const inTurn = oneAtATime()
    return {
      run: ({ number }, { api }) =>
        Effect.map(inTurn(api.readChecks(number)), (answer) => ({
          answer,
          detail: `read checks of #${number}`,
        })),
    }
  },
})

/** Whoever may report a check chooses its texts. */
const showCheck = ({ name, state, description, link }: CheckResult): string =>
  `--- check ${state}\n${[name, description, link].map(quoted).join("\n")}`
