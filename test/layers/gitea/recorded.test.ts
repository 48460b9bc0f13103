/** What a real Gitea answered, read by the adapter's own decoders. */
import { expect, it } from "@effect/vitest"
import { Effect, Option, Schema } from "effect"
import * as answers from "../../../src/layers/gitea/answers.ts"
import * as hooks from "../../../src/layers/gitea/hooks.ts"
import * as details from "../../../src/layers/gitea/detailAnswers.ts"
import { decode } from "../../../src/layers/gitea/http.ts"
import { isMade, recorded } from "../../support/recorded.ts"

/** How the adapter decodes what an endpoint answers, and what of it a test compares. */
const DECODERS: ReadonlyArray<readonly [path: RegExp, schema: Schema.Schema<unknown, unknown>]> = [
  [/\/user$/, answers.SelfAnswer],
  [/\/permission$/, answers.PermissionAnswer],
  [/GET .*\/issues\/\d+\/comments$/, answers.CommentsAnswer],
  [/POST .*\/issues\/\d+\/comments$/, answers.CommentAnswer],
  [/\/timeline$/, answers.page(answers.TimelineAnswer)],
  [/\/assignees$/, answers.page(answers.UserAnswer)],
  [/\/dependencies$/, answers.page(details.DependencyAnswer)],
  [/\/reviews$/, answers.page(details.ReviewAnswer)],
  [/\/reviews\/\d+\/comments$/, details.ReviewLinesAnswer],
  [/\/commits\/[^/]+\/status$/, details.CombinedAnswer],
  [/GET .*\/hooks$/, answers.page(hooks.HookAnswer)],
  [/POST .*\/hooks$/, hooks.HookAnswer],
  [/\/issues$/, answers.page(answers.IssueAnswer)],
  [/\/issues\/\d+$/, answers.IssueAnswer],
  [/GET .*\/pulls$/, answers.page(answers.PullAnswer)],
  [/\/pulls(?:\/\d+)?$/, answers.PullAnswer],
  [/\/repos\/[^/]+\/[^/]+$/, answers.RepoAnswer],
] as ReadonlyArray<readonly [RegExp, Schema.Schema<unknown, unknown>]>

const succeeded = recorded.filter(
  ({ method, path, status, answer, truncated }) =>
    isMade(method, path) &&
    (status === 200 || status === 201) &&
    (truncated === undefined || answer.startsWith("[")),
)

const decoded = (note: string) =>
  Effect.gen(function* () {
    const exchange = succeeded.find((each) => each.note === note)
    const asked = `${exchange?.method} ${exchange?.path.split("?")[0]}`
    const [, schema] = DECODERS.find(([path]) => path.test(asked)) ?? []
    if (exchange === undefined || schema === undefined) return yield* Effect.dieMessage(`no ${note}`)
    return yield* decode(
      { operation: "test", subject: note },
      { status: exchange.status, text: exchange.answer, serverTime: Option.none(), total: Option.none() },
      schema,
    )
  })

it.effect("every answer that was a success decodes", () =>
  Effect.gen(function* () {
    expect(succeeded.length).toBeGreaterThan(35)
    yield* Effect.forEach(succeeded, ({ note }) => decoded(note), { discard: true })
  }),
)

it.effect("an issue, a pull request, a timeline and a permission are what they were", () =>
  Effect.gen(function* () {
    const issue = (yield* decoded("issue")) as answers.IssueAnswer
    expect(answers.isPr(issue)).toBe(false)
    expect(answers.toIssue(issue, 0)).toMatchObject({
      number: 1,
      title: "The cellar door does not close",
      state: "open",
      author: "ada",
      labels: ["bot-bottle:carpenter"],
      assignees: ["cellar-bot"],
    })
    const pull = (yield* decoded("pull")) as answers.PullAnswer
    expect(answers.toPullRequest(pull, 0)).toMatchObject({
      number: 3,
      author: "cellar-bot",
      head: "bot-bottle/x",
      base: "main",
      merged: false,
    })
    expect(answers.isPr((yield* decoded("pull as an issue")) as answers.IssueAnswer)).toBe(true)
    expect(yield* decoded("timeline, past the end")).toEqual([])
    expect(yield* decoded("permission of myself")).toEqual({ permission: "write" })
  }),
)

it.effect("reviews with their lines, checks, dependencies and who targeted an issue are what they were", () =>
  Effect.gen(function* () {
    const reviews = (yield* decoded("reviews")) as ReadonlyArray<details.ReviewAnswer>
    const lines = (yield* decoded("comments of a review")) as ReadonlyArray<details.ReviewLineAnswer>
    const [rejected, approved, ...more] = reviews
      .filter(details.isSubmitted)
      .map((review) => details.toReview(review, lines, ({ login }) => login === "wendy"))
    expect(more).toEqual([])
    expect(rejected).toEqual({
      id: 14,
      user: "wendy",
      authorTrusted: true,
      state: "rejected",
      body: "See",
      dismissed: true,
      submittedAt: "2026-11-28T17:03:23Z",
      updatedAt: "2026-11-28T17:03:27Z",
      lines: [
        {
          id: 170,
          user: "wendy",
          authorTrusted: true,
          path: "new.md",
          line: 1,
          side: "new",
          hunk: "@@ -0,0 +1 @@\n+x",
          body: "why x?",
          createdAt: "2026-11-28T17:03:23Z",
          updatedAt: "2026-11-28T17:03:23Z",
        },
      ],
    })
    expect(approved).toMatchObject({ id: 15, user: "ada", state: "approved", dismissed: false })
    const { statuses } = (yield* decoded("combined status")) as typeof details.CombinedAnswer.Type
    expect(statuses.map(details.toCheck)).toEqual([
      { name: "ci/test", state: "failure", description: "1 test failed", link: "http://127.0.0.1/x" },
    ])
    expect(yield* decoded("dependencies")).toMatchObject([
      { number: 2, state: "closed", repository: { owner: "ada", name: "w5384836" } },
    ])
    const timeline = (yield* decoded("timeline, first page")) as ReadonlyArray<answers.TimelineAnswer>
    expect(timeline.map((entry) => [entry.id, entry.user.login, details.didOf(entry)])).toEqual([
      [162, "ada", { kind: "labelled", label: "bot-bottle:carpenter" }],
      [163, "ada", { kind: "assigned", assignee: "cellar-bot" }],
    ])
  }),
)

it.effect(
  "a hook that was made has all events that it was asked for, and one for pushes alone is not whole",
  () =>
    Effect.gen(function* () {
      const made = (yield* decoded("make a hook")) as hooks.HookAnswer
      expect(hooks.toHook({ ...made, events: [...made.events, "push"] })).toEqual({
        id: 3,
        url: "http://127.0.0.1:9/webhook",
        isWhole: true,
      })
      expect(hooks.toHook(made).isWhole).toBe(false)
      expect((yield* decoded("hooks")) as ReadonlyArray<hooks.HookAnswer>).toMatchObject([
        { id: 3, active: true, type: "gitea" },
      ])
      const other = (yield* decoded("hook to a private address")) as hooks.HookAnswer
      expect(hooks.toHook(other)).toEqual({ id: 4, url: "http://10.0.0.1/webhook", isWhole: false })
      expect(yield* decoded("org hooks as owner")).toEqual([])
    }),
)
