import { describe, expect, it } from "vitest"
import { type EndFacts, endingOf } from "../../../src/layers/docker/ending.ts"

const MINUTE = 60_000
const ENGINE = Date.parse("2027-01-01T12:00:00Z")

/** An agent that started an hour before the engine that answers now. */
const before: EndFacts = {
  now: ENGINE + MINUTE,
  startedAt: ENGINE - 60 * MINUTE,
  finishedAt: ENGINE - 2_000,
  exitCode: 143,
  outOfMemory: false,
  engineStartedAt: ENGINE,
  keepsContainers: false,
}
/** An agent that the engine that answers now started. */
const after: EndFacts = {
  ...before,
  startedAt: ENGINE + MINUTE,
  finishedAt: ENGINE + 2 * MINUTE,
  now: ENGINE + 2 * MINUTE,
}

describe("what ended a container", () => {
  it.each<readonly [string, Partial<EndFacts>, string]>([
    ["stopped with its engine", {}, "machine"],
    [
      "stopped with its engine, which was away for a weekend",
      { finishedAt: ENGINE - 3 * 86_400_000, startedAt: 1 },
      "machine",
    ],
    ["stopped with its engine, and ended in good order", { exitCode: 0 }, "machine"],
    ["lost by its engine, which found no end of it", { exitCode: 255, finishedAt: ENGINE - 500 }, "machine"],
    ["ended by its engine when that started", { exitCode: 137, finishedAt: ENGINE + 500 }, "machine"],
    [
      "of which the engine does not say when it ended",
      { exitCode: 0, finishedAt: Date.parse("0001-01-01T00:00:00Z") },
      "machine",
    ],
    [
      "that ended long before its engine was restarted",
      { exitCode: 3, finishedAt: ENGINE - 5 * MINUTE },
      "agent",
    ],
    ["that ran out of memory before its engine was restarted", { exitCode: 137, outOfMemory: true }, "agent"],
    [
      "that an engine kept over its restart",
      { exitCode: 3, keepsContainers: true, finishedAt: ENGINE + 500 },
      "agent",
    ],
  ])("%s: %s", (_, facts, by) => {
    expect(endingOf({ ...before, ...facts })).toEqual({ by })
  })

  it("that was stopped a moment ago: it shows later whether its engine ends", () => {
    expect(endingOf(after)).toEqual({ by: "unclear", clearAt: after.finishedAt + 20_000 })
    expect(endingOf({ ...after, now: after.now + 20_000 })).toEqual({ by: "agent" })
  })

  it("that ended by itself, or ran out of memory, a moment ago: the agent", () => {
    for (const exitCode of [0, 1, 3, 125, 139])
      expect(endingOf({ ...after, exitCode })).toEqual({ by: "agent" })
    expect(endingOf({ ...after, exitCode: 137, outOfMemory: true })).toEqual({ by: "agent" })
  })

  it("on an engine that does not say when it started: what was stopped was stopped by the machine", () => {
    const unknown = { ...after, engineStartedAt: Number.NaN }
    expect(endingOf(unknown)).toEqual({ by: "machine" })
    expect(endingOf({ ...unknown, exitCode: 1 })).toEqual({ by: "agent" })
  })
})
