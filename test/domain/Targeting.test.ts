import { describe, expect, it } from "@effect/vitest"
import { Arbitrary, FastCheck } from "effect"
import { Issue } from "../../src/domain/Forge.ts"
import { parseTarget } from "../../src/domain/Targeting.ts"

const issue = (labels: ReadonlyArray<string>, assignees: ReadonlyArray<string> = ["bot"]): Issue => ({
  number: 17,
  title: "A task",
  body: "",
  state: "open",
  author: "ann",
  authorId: 1,
  labels,
  assignees,
})

describe("parseTarget", () => {
  it("takes the agent from its label and the bottles in label order", () => {
    expect(
      parseTarget(issue(["bug", "bot-bottle-bottle:node", "bot-bottle:fixer", "bot-bottle-bottle:git"])),
    ).toEqual({
      _tag: "Targeted",
      agent: "fixer",
      bottles: ["node", "git"],
    })
  })

  it("counts a label that appears twice once", () => {
    expect(
      parseTarget(issue(["bot-bottle:a", "bot-bottle:a", "bot-bottle-bottle:b", "bot-bottle-bottle:b"])),
    ).toEqual({
      _tag: "Targeted",
      agent: "a",
      bottles: ["b"],
    })
  })

  it.each([
    [["bug"], ["bot"], /no label bot-bottle:/],
    [["bot-bottle:a", "bot-bottle:b"], ["bot"], /several agents: a, b/],
    [["bot-bottle:"], ["bot"], /names no agent/],
    [["bot-bottle:a", "bot-bottle:"], ["bot"], /several agents/],
    [["bot-bottle: "], ["bot"], /names no agent/],
    [["bot-bottle:a", "bot-bottle-bottle:"], ["bot"], /names no bottle/],
    [["bot-bottle:a"], [], /no assignee/],
    [["BOT-BOTTLE:a"], ["bot"], /no label/],
    [["x bot-bottle:a"], ["bot"], /no label/],
  ])("does not target an issue with labels %j and assignees %j", (labels, assignees, reason) => {
    expect(parseTarget(issue(labels, assignees))).toMatchObject({
      _tag: "NotTargeted",
      reason: expect.stringMatching(reason),
    })
  })

  it("targets an issue only with one agent and an assignee, whatever else the issue holds", () => {
    FastCheck.assert(
      FastCheck.property(
        Arbitrary.make(Issue),
        FastCheck.array(FastCheck.oneof(FastCheck.constantFrom("a", "b", ""), FastCheck.string()), {
          maxLength: 3,
        }),
        FastCheck.array(FastCheck.string(), { maxLength: 3 }),
        (any, agents, bottles) => {
          const target = parseTarget({
            ...any,
            labels: [
              ...agents.map((agent) => `bot-bottle:${agent}`),
              ...any.labels.filter((label) => !label.startsWith("bot-bottle")),
              ...bottles.map((bottle) => `bot-bottle-bottle:${bottle}`),
            ],
          })
          const names = new Set(agents.map((agent) => agent.trim()))
          const wanted = new Set(bottles.map((bottle) => bottle.trim()))
          const expected =
            names.size === 1 && !names.has("") && !wanted.has("") && any.assignees.length > 0
              ? "Targeted"
              : "NotTargeted"
          expect(target).toMatchObject({ _tag: expected })
          if ("agent" in target) {
            expect([target.agent]).toEqual([...names])
            expect(target.bottles).toEqual([...wanted])
          }
        },
      ),
    )
  })

  it("does not depend on the order of other labels", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.shuffledSubarray(["bug", "p1", "bot-bottle:a", "x"], { minLength: 4 }),
        (labels) => {
          expect(parseTarget(issue(labels))).toEqual({ _tag: "Targeted", agent: "a", bottles: [] })
        },
      ),
    )
  })
})
