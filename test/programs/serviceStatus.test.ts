/** What status shows of issues' lives, and what retry makes of one. */
import { expect, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import type { Wait } from "../../src/domain/orchestrator/Decision.ts"
import type { IssueState } from "../../src/domain/orchestrator/IssueState.ts"
import { IssueNumber } from "../../src/domain/orchestrator/IssueKey.ts"
import * as MemoryOrchestratorStores from "../../src/layers/memory/MemoryOrchestratorStores.ts"
import { orchestrateRetry } from "../../src/programs/orchestrateRetry.ts"
import { serviceStatus } from "../../src/programs/serviceStatus.ts"
import { Inbox } from "../../src/services/Inbox.ts"
import { IssueStates } from "../../src/services/IssueStates.ts"
import { ServiceState } from "../../src/services/ServiceState.ts"
import { commit, hint, hintId, issue, waits } from "../support/life.ts"

/** Stores that an issue waits for something. */
const waiting = Effect.fnUntraced(function* (
  number: number,
  kind: Wait["kind"],
  state: Partial<IssueState> = {},
  owner = "acme",
) {
  const decision = waits(1, { reason: `for ${kind}`, ...state })
  const about = issue(number, { owner })
  const verdict = { _tag: "Wait", kind, reason: `for ${kind}` } as const
  yield* (yield* IssueStates).commit(commit({ ...decision, verdict }, { issue: about }))
})

const failures = { of: "launch 1", count: 3, notBefore: 9000, problem: "no image" }

const aside = Effect.fnUntraced(function* (number: number) {
  const inbox = yield* Inbox
  const id = `hint-${number}`
  yield* inbox.accept(hint(id, { issueNumber: IssueNumber.make(number) }))
  yield* inbox.failed([hintId(id)], "it is strange", 1)
})

it.effect("status has what waits for what, what is set aside and why, and not what is for no agent", () =>
  Effect.gen(function* () {
    yield* waiting(1, "not-targeted")
    yield* waiting(2, "over", { phase: "destroyed" })
    yield* waiting(3, "limit")
    yield* waiting(4, "back-off", { nextAt: 9000, failures })
    yield* waiting(5, "person", { phase: "frozen", live: true })
    yield* waiting(6, "set-aside", { setAside: "by hand" })
    yield* aside(3)
    yield* aside(7)
    yield* (yield* Inbox).accept(hint("new", { issueNumber: IssueNumber.make(8) }))
    const { issues, service, pausedAt } = yield* serviceStatus()
    expect([service, pausedAt]).toEqual([Option.none(), Option.none()])
    expect(issues).toMatchObject([
      { issueNumber: 3, waits: "limit", setAside: "it failed 1 times: it is strange" },
      {
        issueNumber: 4,
        waits: "back-off",
        reason: "for back-off",
        until: 9000,
        failures: { count: 3, problem: "no image", notBefore: 9000 },
        setAside: null,
      },
      { issueNumber: 5, phase: "frozen" },
      { issueNumber: 6, setAside: "by hand" },
      { issueNumber: 7, phase: "idle", decidedAt: null, setAside: "it failed 1 times: it is strange" },
      { issueNumber: 8, waits: null, reason: "it has not been checked yet", setAside: null },
    ])
    expect((yield* serviceStatus({ all: true })).issues.length).toBe(8)
  }).pipe(Effect.provide(MemoryOrchestratorStores.layer)),
)

it.effect("retry forgets failures and what set an issue aside, and asks for a look", () =>
  Effect.gen(function* () {
    yield* waiting(17, "gave-up", { nextAt: 9000, failures, setAside: "by hand" })
    yield* aside(17)
    const before = yield* orchestrateRetry("ACME/cellar#17")
    expect(before).toMatchObject({ issue: { failures: { count: 3 } }, isServing: false, isPaused: false })
    const { state } = Option.getOrThrow(yield* (yield* IssueStates).get(issue(17)))
    expect(state).toMatchObject({ version: 2, failures: null, setAside: null, nextAt: null })
    expect((yield* (yield* Inbox).open(issue(17))).map(({ kind, tries }) => [kind, tries])).toEqual([
      ["comment", 0],
      ["operator", 0],
    ])
    expect(yield* (yield* ServiceState).asked).toEqual([issue(17)])
  }).pipe(Effect.provide(MemoryOrchestratorStores.layer)),
)

it.effect("retry takes a number alone where it is one issue, and refuses what names none or several", () =>
  Effect.gen(function* () {
    yield* waiting(17, "gave-up")
    yield* waiting(18, "gave-up")
    yield* waiting(18, "gave-up", {}, "other")
    yield* aside(19)
    expect(yield* orchestrateRetry("#17")).toMatchObject({ issue: { owner: "acme", issueNumber: 17 } })
    expect(yield* orchestrateRetry("19")).toMatchObject({ issue: { issueNumber: 19 } })
    expect(yield* Effect.flip(orchestrateRetry("#18"))).toMatchObject({
      _tag: "InvalidInput",
      message: expect.stringMatching(/acme\/cellar#18 .*other\/cellar#18/),
    })
    expect(yield* orchestrateRetry("other/cellar#18")).toMatchObject({ issue: { owner: "other" } })
    for (const name of ["#20", "acme/loft#17"])
      expect(yield* Effect.flip(orchestrateRetry(name))).toMatchObject({ _tag: "IssueUnknown", issue: name })
    for (const name of ["", "cellar#17", "#0", "acme/cellar", "acme/cellar/x#1"])
      expect(yield* Effect.flip(orchestrateRetry(name))).toMatchObject({ _tag: "InvalidInput" })
  }).pipe(Effect.provide(MemoryOrchestratorStores.layer)),
)
