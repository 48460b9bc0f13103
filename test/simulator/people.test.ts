/** People of a simulated Gitea: what they do comes back in the answers of its API, as the adapter reads them. */
import { expect, it } from "@effect/vitest"
import { Effect, Exit, Option } from "effect"
import { simulated } from "../support/gitea.ts"

const at = (number: number) => ({ owner: "acme", repo: "tool", number })

it.scopedLive("they comment, label, assign, close, reopen and merge, and the forge shows it", () =>
  Effect.gen(function* () {
    const { forge, sim, state } = yield* simulated()
    const wendy = sim.as("wendy")
    const id = yield* wendy.comment(at(17), "Please hurry.")
    expect(yield* forge.readComments(17)).toContainEqual(
      expect.objectContaining({ id, user: "wendy", body: "Please hurry." }),
    )
    yield* wendy.label(at(17), "bot-bottle:carpenter")
    yield* wendy.label(at(17), "odd")
    yield* wendy.unlabel(at(17), "odd")
    yield* wendy.assign(at(17), "yan")
    yield* wendy.assign(at(17), "zoe")
    yield* wendy.unassign(at(17), "zoe")
    yield* wendy.close(at(17))
    const closed = yield* forge.readIssue(17)
    expect(closed).toMatchObject({ state: "closed" })
    expect(closed.labels).toContain("bot-bottle:carpenter")
    expect(closed.labels).not.toContain("odd")
    expect(closed.assignees).toContain("yan")
    expect(closed.assignees).not.toContain("zoe")
    yield* wendy.reopen(at(17))
    const repo = Option.getOrThrow(Option.fromNullable(state.repo("acme", "tool")))
    const pull = state.addPull(repo, { title: "Mend", body: "Closes #17", head: "mend" })
    const { comment } = sim.as("acme")
    yield* comment(at(pull.number), "Closes #17")
    yield* wendy.merge(at(pull.number))
    expect(yield* forge.readPr(pull.number)).toMatchObject({ merged: true, state: "closed" })
    expect((yield* forge.readIssue(17)).state).toBe("closed")
    expect(state.issue("acme", "tool", 17)?.events.map(({ type }) => type)).toEqual([
      "label",
      "label",
      "label",
      "assignees",
      "assignees",
      "assignees",
      "close",
      "reopen",
      "close",
    ])
    expect(Exit.isFailure(yield* Effect.exit(wendy.close(at(999))))).toBe(true)
  }),
)
