import { describe, expect, it } from "@effect/vitest"
import { fairOrder } from "../../../src/domain/orchestrator/fairOrder.ts"

const issue = (repository: string, number: number, since: number) => ({ repository, number, since })
const waiting = [
  issue("a/x", 1, 10),
  issue("a/x", 2, 5),
  issue("b/y", 3, 90),
  issue("c/z", 4, 50),
  issue("a/x", 5, 1),
]

describe("fairOrder", () => {
  it("takes the repositories in turn, and the oldest issue of each", () => {
    expect(fairOrder(waiting, "").map(({ number }) => number)).toEqual([5, 3, 4, 2, 1])
  })

  it("begins after the repository that started last", () => {
    expect(fairOrder(waiting, "a/x").map(({ number }) => number)).toEqual([3, 4, 5, 2, 1])
    expect(fairOrder(waiting, "c/z").map(({ number }) => number)).toEqual([5, 3, 4, 2, 1])
  })
})
