/** `open_pr`: opens one pull request at a time, from a branch that this bottle may push and has pushed. */
import { Effect, Option, Schema } from "effect"
import type { ForgeRequestError } from "../../../domain/Errors.ts"
import { ForgeNumber } from "../../../domain/Forge.ts"
import { forgeCommands } from "../../../domain/ForgeCommands.ts"
import { mayPush } from "../../../domain/PushPolicy.ts"
import type { ForgeApi } from "../../../services/Forge.ts"
import { CallFailure, failureOfForge } from "../CallFailure.ts"
import { type RunForge, stamp, tellOrWarn } from "../callContext.ts"
import * as ForgeCall from "../ForgeCall.ts"
import { oneAtATime } from "../oneAtATime.ts"
import { anyText, described, text } from "../parameters.ts"
import { belongsToRun } from "../RunScope.ts"

/** Branch names by git's rules (git-check-ref-format), without Gitea's `owner:branch`. */
const branch = (description: string) =>
  described(
    Schema.String.pipe(
      Schema.filter(
        (name) =>
          /^[^\0-\x20\x7f~^:?*[\\]{1,244}$/.test(name) &&
          !/^[/-]|\/$|\.$|\.\.|\/\/|@\{|(?:^|\/)\.|\.lock(?:\/|$)/.test(name),
        { message: () => "must be a branch name" },
      ),
    ),
    description,
  )

/** The call. A second call returns the open pull request. One that already exists at the forge and is the run's own is adopted. */
export const openPr = ForgeCall.make({
  usage: forgeCommands.open_pr,
  description:
    'Open a pull request from a branch that you have pushed. You may have one open at a time: a second call answers the number of the first. If merging it is to close your issue, write "Closes #NUMBER" in its description.',
  params: Schema.Struct({
    title: text(255, "One line"),
    body: anyText("The description, in Markdown"),
    head: branch("The branch with your work"),
    base: Schema.optional(
      branch("The branch to merge into; unless given, the one that pull requests of this run go to"),
    ),
  }),
  success: Schema.Struct({ number: ForgeNumber }),
  writes: { number: "none", closing: ({ title, body }) => [title, body] },
  subject: ({ head }) => head,
  show: ({ number }) => `PR #${number}`,
  serve: (context) => {
    const inTurn = oneAtATime()
    const reportedPrs = new Set<number>()
    /** Once per sidecar: recovers pull requests that an earlier sidecar lost. Storing one twice is harmless. */
    const keep = (forge: RunForge, number: number) =>
      Effect.gen(function* () {
        if (reportedPrs.has(number) || forge.given.includes(number)) return
        yield* forge.scope.add(number)
        yield* context.remember(number)
        yield* tellOrWarn(context, { ...(yield* stamp(context)), kind: "pr-opened", number })
        reportedPrs.add(number)
      })
    return {
      check: ({ head }, { push, isPushed }) =>
        Effect.gen(function* () {
          if (!mayPush(push, `refs/heads/${head}`)) return yield* headDenied(head, push)
          if (!isPushed(head)) return yield* notPushed(head)
        }),
      run: ({ title, body, head, base }, forge) =>
        Effect.gen(function* () {
          const first = yield* openOne(forge)
          if (Option.isSome(first)) {
            yield* keep(forge, first.value)
            return { answer: { number: first.value }, detail: `PR #${first.value} is already open` }
          }
          const number = yield* context.propose(head, base ?? forge.base, (to) =>
            Effect.mapError(
              forge.api.openPr({ title, body, head, ...(to !== undefined && { base: to }) }),
              failureOfForge,
            ),
          )
          yield* keep(forge, number)
          return { answer: { number }, detail: `opened PR #${number} from ${head}` }
        }).pipe(inTurn),
    }
  },
})

/** The newest open pull request of the run, or else the one linked to its issue, if it is the run's own. */
const openOne = Effect.fnUntraced(function* (forge: RunForge) {
  const { api } = forge
  const { issue, prs } = yield* forge.scope.decided
  for (const pr of prs.toSorted((a, b) => b - a)) {
    if (yield* isOpen(api, pr)) return Option.some(pr)
  }
  const linked = yield* api.getPrForIssue(issue)
  return Option.isSome(linked) && !prs.includes(linked.value)
    ? yield* ownAndOpen(forge, linked.value)
    : Option.none<number>()
})

/** One that an earlier sidecar opened before it died without recording it. */
const ownAndOpen = Effect.fnUntraced(function* ({ api, push, isPushed }: RunForge, number: number) {
  const pr = yield* api.readPr(number)
  const self = yield* api.self
  const isOwn = belongsToRun(pr, { userId: self.id, repositoryId: yield* api.repositoryId, push })
  return pr.state === "open" && isOwn && isPushed(pr.head) ? Option.some(number) : Option.none<number>()
})

/** A deleted one is not open. */
const isOpen = (api: ForgeApi, pr: number): Effect.Effect<boolean, ForgeRequestError> =>
  Effect.catchIf(
    api.isPrOpen(pr),
    ({ reason }) => reason === "NotFound",
    () => Effect.succeed(false),
  )

const headDenied = (head: string, push: ReadonlyArray<string>) =>
  new CallFailure({
    kind: "scope",
    denied: `"${head}" is not a branch that this bottle may push`,
    message: `open_pr from "${head}" denied: out of assigned scope (this bottle may push: ${push.join(", ") || "nothing"})`,
  })

const notPushed = (head: string) =>
  new CallFailure({
    kind: "params",
    message: `open_pr from "${head}": this bottle has not pushed that branch, push it first: git push origin HEAD:refs/heads/${head}`,
  })
