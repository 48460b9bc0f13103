/** What a service reports of waits: those of issues that were ever its own, each once. */
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import type { WaitKind } from "../../src/domain/orchestrator/Decision.ts"
import type { ServiceEvent } from "../../src/domain/orchestrator/ServiceEvent.ts"
import * as MemoryLifeStores from "../../src/layers/memory/MemoryLifeStores.ts"
import { tellingStates } from "../../src/orchestrator/telling.ts"
import { IssueStates } from "../../src/services/IssueStates.ts"
import { begins, commit, waits } from "../support/life.ts"

it.effect("what becomes of an issue that is for no agent is not reported; of one that was, it is", () =>
  Effect.gen(function* () {
    const events: Array<ServiceEvent> = []
    const states = tellingStates(yield* IssueStates, (event) => Effect.sync(() => void events.push(event)))
    let version = 0
    const waiting = (kind: WaitKind, reason: string) => {
      const decision = waits(++version)
      return states.commit(commit({ ...decision, verdict: { _tag: "Wait", kind, reason } }))
    }
    yield* waiting("not-targeted", "it has no label bot-bottle:<agent>")
    yield* waiting("not-targeted", "it is closed")
    yield* waiting("not-targeted", "it has no assignee")
    expect(events).toEqual([])
    yield* waiting("limit", "this machine is at its limit")
    yield* waiting("limit", "this machine is at its limit")
    yield* waiting("not-targeted", "it is closed")
    yield* states.commit(commit(begins(++version)))
    expect(events).toMatchObject([
      { _tag: "Waits", kind: "limit" },
      { _tag: "Waits", kind: "not-targeted" },
      { _tag: "Began" },
    ])
  }).pipe(Effect.provide(MemoryLifeStores.layer)),
)
