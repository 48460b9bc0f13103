/** A webhook about a commit has the issues of its repository looked at that have a bottle. */
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as MemoryLifeStores from "../../../src/layers/memory/MemoryLifeStores.ts"
import { routeStatuses } from "../../../src/orchestrator/ingest/routeStatuses.ts"
import { Inbox } from "../../../src/services/Inbox.ts"
import { IssueStates } from "../../../src/services/IssueStates.ts"
import * as life from "../../support/life.ts"

it.effect("a status without an issue becomes a hint for each live issue of its repository, once", () =>
  Effect.gen(function* () {
    const inbox = yield* Inbox
    const states = yield* IssueStates
    const stored = (live: boolean, issue: Parameters<typeof life.issue>) =>
      states.commit(life.commit(life.waits(1, { live }), { issue: life.issue(...issue) }))
    yield* stored(true, [17])
    yield* stored(true, [18, { owner: "ACME" }])
    yield* stored(false, [19])
    yield* stored(true, [20, { repo: "loft" }])
    yield* stored(true, [21, { forge: "https://other.example/api/v1" }])
    yield* inbox.accept(life.hint("status", { issueNumber: null, kind: "status" }))
    yield* routeStatuses
    yield* routeStatuses
    expect(yield* inbox.unrouted({ limit: 9 })).toEqual([])
    expect((yield* inbox.waiting({ limit: 9 })).map(({ id }) => id)).toEqual(["status#17", "status#18"])
  }).pipe(Effect.provide(MemoryLifeStores.layer)),
)
