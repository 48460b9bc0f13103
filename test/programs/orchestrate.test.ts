import { it } from "@effect/vitest"
import { Context, Effect, Fiber, Logger, Option, TestClock } from "effect"
import { describe, expect } from "vitest"
import { type AssignedNumbers, FORGE_COMMANDS } from "../../src/domain/ForgeCommands.ts"
import { ForgeState } from "../../src/domain/ForgeState.ts"
import { Slug } from "../../src/domain/Slug.ts"
import { awaitExit } from "../../src/programs/awaitExit.ts"
import { destroy } from "../../src/programs/destroy.ts"
import { freeze } from "../../src/programs/freeze.ts"
import { launch } from "../../src/programs/launch.ts"
import { listBottles } from "../../src/programs/listBottles.ts"
import { orchestrateResume } from "../../src/programs/orchestrateResume.ts"
import { orchestrateStart } from "../../src/programs/orchestrateStart.ts"
import { orchestrateStatus } from "../../src/programs/orchestrateStatus.ts"
import { settleEvents } from "../../src/programs/settleEvents.ts"
import { startHeadless } from "../../src/programs/startHeadless.ts"
import { BottleStore } from "../../src/services/BottleStore.ts"
import { ForgeStateStore } from "../../src/services/ForgeStateStore.ts"
import { BottleEvents } from "../../src/services/BottleEvents.ts"
import { NeckCommands } from "../../src/services/NeckCommands.ts"
import { endless, forgeVariables, inWorld } from "./world.ts"

const start = orchestrateStart({ agent: "worker", prompt: "work" })
const key = { forge: "http://git.example/api/v1", owner: "ada", repo: "cellar", issueNumber: 17 }
const row = Effect.flatMap(ForgeStateStore, (store) => store.get(key))
const rowStatus = Effect.map(
  row,
  Option.map((state) => state.status),
)
const at = "2026-01-01T00:00:00.000Z"

describe("an orchestrated run", () => {
  it.effect("claims its issue; freeze, resume and destroy follow in its row", () =>
    inWorld({}, ({ sidecar }) =>
      Effect.gen(function* () {
        const slug = yield* start
        expect(Option.getOrThrow(yield* row)).toMatchObject({
          slug,
          agentName: "worker",
          bottleNames: ["plain"],
          backendName: "fake",
          status: "running",
        })
        expect(yield* Effect.flip(start)).toMatchObject({ _tag: "AlreadyHandled", slug, status: "running" })
        yield* freeze(slug)
        expect(yield* rowStatus).toEqual(Option.some("frozen"))
        expect((yield* Effect.flip(start))._tag).toBe("AlreadyHandled")
        yield* orchestrateResume({ slug, prompt: "more" })
        expect(yield* rowStatus).toEqual(Option.some("running"))
        expect(sidecar.launches.map((config) => config.forge?.assignment.issueNumber)).toEqual([17, 17])
        yield* destroy(slug)
        expect(yield* rowStatus).toEqual(Option.some("destroyed"))
        expect((yield* start).slice(0, 6)).toBe("worker")
      }),
    ),
  )

  it.effect("gives the token to the sidecar only, never to the plan or the row", () =>
    inWorld({}, ({ fake }) =>
      Effect.gen(function* () {
        yield* start
        const kept = JSON.stringify([yield* fake.plans, yield* listBottles(), Option.getOrThrow(yield* row)])
        expect(kept).not.toContain(forgeVariables["FORGE_GITEA_TOKEN"])
      }),
    ),
  )

  it.effect("is told its issue ahead of the prompt, by an overlay that its manifest does not have", () =>
    inWorld({}, ({ fake }) =>
      Effect.gen(function* () {
        yield* start
        yield* startHeadless("worker", { prompt: "plain" })
        const [orchestrated, plain] = yield* fake.plans
        expect(orchestrated?.prompt).toMatch(/issue #17[\s\S]*signal[-_]done[\s\S]*work$/)
        expect(plain?.prompt).toBe("plain")
      }),
    ),
  )

  it.effect("is told of the calls that its neck has beside those of every neck", () =>
    inWorld({}, ({ fake }) =>
      Effect.gen(function* () {
        const own = {
          name: "label_issue",
          help: "labels it",
          assignment: {
            example: ({ issue }: AssignedNumbers) => `forge call label-issue number=${issue}`,
            note: ({ writable }: AssignedNumbers) => `only ${writable}, once`,
          },
        }
        yield* Effect.provideService(start, NeckCommands, [...FORGE_COMMANDS, own])
        const [plan] = yield* fake.plans
        expect(plan?.prompt).toContain("\n- `forge call label-issue number=17`: only #17, once\n")
        expect(plan?.prompt).toContain("`list_issues`, `label_issue`) are tools")
        expect(plan?.prompt).toContain("- `forge read-issue 17`, `forge read-pr NUMBER`")
      }),
    ),
  )

  it.effect("whose launch fails puts back the row that was there", () =>
    inWorld({ fail: (step) => (step === "create" ? Option.some("boom") : Option.none()) }, () =>
      Effect.gen(function* () {
        const before = new ForgeState({
          ...key,
          slug: Slug.make("old-abcde"),
          agentName: "old",
          status: "destroyed",
        })
        yield* (yield* ForgeStateStore).upsert(before)
        expect((yield* Effect.flip(start))._tag).toBe("BackendFailure")
        expect(yield* row).toEqual(Option.some(before))
        yield* (yield* ForgeStateStore).delete(key)
        yield* Effect.flip(start)
        expect(yield* row).toEqual(Option.none())
      }),
    ),
  )

  it.effect("started twice at once gives one bottle, and the loser leaves nothing", () =>
    inWorld({}, () =>
      Effect.gen(function* () {
        const both = yield* Effect.all([Effect.either(start), Effect.either(start)], { concurrency: 2 })
        expect(both.map((one) => one._tag).sort()).toEqual(["Left", "Right"])
        expect((yield* listBottles()).length).toBe(1)
      }),
    ),
  )

  for (const [variable, value] of [
    ["FORGE_OWNER", ""],
    ["FORGE_GITEA_API", ""],
    ["FORGE_GITEA_TOKEN", ""],
    ["FORGE_ISSUE_NUMBER", "seventeen"],
    ["FORGE_ISSUE_NUMBER", "0"],
    ["FORGE_PR_NUMBER", "x"],
    ["FORGE_CLOSING_KEYWORDS", "schließt, a|b"],
    ["FORGE_WATCHDOG_TIMEOUT", "soon"],
  ] as const) {
    it.effect(`with ${variable}=${JSON.stringify(value)} fails, naming it, and leaves nothing`, () =>
      inWorld(
        {},
        () =>
          Effect.gen(function* () {
            expect(yield* Effect.flip(start)).toMatchObject({
              _tag: "ForgeConfigInvalid",
              variable: expect.stringContaining(variable),
            })
            expect([yield* listBottles(), yield* row]).toEqual([[], Option.none()])
          }),
        { variables: { ...forgeVariables, [variable]: value } },
      ),
    )
  }

  it.effect("has the PR that the operator names in its row, which shows it, and in its sidecar's scope", () =>
    inWorld(
      {},
      ({ sidecar }) =>
        Effect.gen(function* () {
          const slug = yield* start
          expect(Option.getOrThrow(yield* row).prNumber).toEqual(Option.some(43))
          expect(yield* orchestrateStatus()).toMatchObject([
            { prUrl: Option.some("http://git.example/ada/cellar/pulls/43") },
          ])
          yield* freeze(slug)
          yield* orchestrateResume({ slug, prompt: "more" })
          expect(sidecar.launches.map(({ forge }) => forge?.assignment.prNumbers)).toEqual([[43], [43]])
        }),
      { variables: { ...forgeVariables, FORGE_PR_NUMBER: "43" } },
    ),
  )

  it.effect("cannot be resumed on another issue than its own", () =>
    inWorld({}, () =>
      Effect.gen(function* () {
        const other = new ForgeState({
          ...key,
          issueNumber: 18,
          slug: Slug.make("worker-abcde"),
          agentName: "worker",
        })
        yield* (yield* ForgeStateStore).upsert(other)
        expect(yield* Effect.flip(orchestrateResume({ slug: "worker-abcde", prompt: "x" }))).toMatchObject({
          _tag: "ForgeConfigInvalid",
          message: expect.stringContaining("ada/cellar#18"),
        })
      }),
    ),
  )
})

describe("events of the queue", () => {
  it.effect("set the PR, the done and the exit in their rows, each once, and are settled", () =>
    inWorld({}, ({ sidecar }) =>
      Effect.gen(function* () {
        const slug = yield* start
        yield* sidecar.push({ version: 1, kind: "pr-opened", slug, at, number: 42 })
        yield* sidecar.push({
          version: 1,
          kind: "blocked-write",
          slug,
          at,
          operation: "post_comment",
          number: 1,
          writable: [17],
        })
        yield* sidecar.push({ version: 1, kind: "done", slug, at, status: "success", summary: "did it" })
        yield* settleEvents(slug)
        expect(Option.getOrThrow(yield* row).prNumber).toEqual(Option.some(42))
        expect((yield* listBottles())[0]?.done).toEqual(
          Option.some({ status: "success", summary: "did it", at }),
        )
        expect(yield* Context.get(sidecar.services, BottleEvents).events(slug)).toEqual([])
        expect(yield* orchestrateStatus()).toMatchObject([
          { prUrl: Option.some("http://git.example/ada/cellar/pulls/42") },
        ])
      }),
    ),
  )

  it.effect("left by a crash between effect and removal are not applied again", () =>
    inWorld({}, ({ sidecar }) =>
      Effect.gen(function* () {
        const slug = yield* start
        const done = { version: 1, kind: "done", slug, at, status: "success", summary: "first" } as const
        yield* sidecar.push(done)
        const events = yield* Context.get(sidecar.services, BottleEvents).events(slug)
        yield* settleEvents(slug)
        const later = yield* sidecar.push({ ...done, summary: "second" })
        yield* settleEvents(slug)
        // The first file is still there, as after a crash before its removal.
        const stale = { ...Context.get(sidecar.services, BottleEvents), events: () => Effect.succeed(events) }
        yield* settleEvents(slug).pipe(Effect.provideService(BottleEvents, stale))
        expect(later).toBeGreaterThan(events[0]?.number ?? 0)
        expect((yield* listBottles())[0]?.done).toMatchObject(Option.some({ summary: "second" }))
      }),
    ),
  )

  it.effect("make the PR writable at the next resume", () =>
    inWorld({}, ({ sidecar }) =>
      Effect.gen(function* () {
        const slug = yield* start
        yield* sidecar.push({ version: 1, kind: "pr-opened", slug, at, number: 42 })
        yield* freeze(slug)
        yield* orchestrateResume({ slug, prompt: "more" })
        // Nobody named it: the sidecar looks at whose it is.
        const assignment = sidecar.launches.at(-1)?.forge?.assignment
        expect([assignment?.prNumbers, assignment?.openedPrs]).toEqual([undefined, [42]])
      }),
    ),
  )

  it.effect("of a refused write say what was refused", () =>
    inWorld({}, ({ sidecar }) =>
      Effect.gen(function* () {
        const slug = yield* start
        const refused = { version: 1, kind: "blocked-write", slug, at, writable: [17] } as const
        const denied = '"closes" with "#5" would close, reopen or log time on it'
        yield* sidecar.push({ ...refused, operation: "post_comment", number: 17, denied })
        yield* sidecar.push({
          ...refused,
          operation: "open_pr",
          number: 0,
          denied: '"main" is no branch of it',
        })
        yield* sidecar.push({ ...refused, operation: "post_comment", number: 5 })
        const lines: Array<string> = []
        const logger = Logger.make(({ message }) => void lines.push(String(message)))
        yield* settleEvents(slug).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
        expect(lines).toEqual([
          `bottle "${slug}": post_comment to #17 was denied: ${denied} (writable: 17)`,
          `bottle "${slug}": open_pr was denied: "main" is no branch of it (writable: 17)`,
          `bottle "${slug}": post_comment to #5 was denied: #5 is out of scope (writable: 17)`,
        ])
      }),
    ),
  )
})

describe("a watcher", () => {
  it.effect("ends a run that takes longer than its timeout", () =>
    inWorld(
      endless,
      () =>
        Effect.gen(function* () {
          const run = yield* Effect.fork(Effect.flip(startHeadless("worker", { prompt: "x" })))
          yield* TestClock.adjust("59 seconds")
          expect(run.unsafePoll()).toBeNull()
          yield* TestClock.adjust("1 second")
          expect(yield* Fiber.join(run)).toMatchObject({
            _tag: "LimitReached",
            limit: "timeout",
            value: "1 minute",
          })
        }),
      { bottle: { limits: { timeout: "1 minute" } } },
    ),
  )

  it.effect("ends a run that gives no sign of life, and a neck call is one", () =>
    inWorld(
      endless,
      ({ sidecar }) =>
        Effect.gen(function* () {
          const slug = yield* launch("worker", { prompt: "x" })
          const run = yield* Effect.fork(Effect.flip(awaitExit(slug)))
          yield* TestClock.adjust("50 seconds")
          yield* sidecar.checkIn(slug)
          yield* TestClock.adjust("50 seconds")
          expect(run.unsafePoll()).toBeNull()
          yield* TestClock.adjust("10 seconds")
          expect(yield* Fiber.join(run)).toMatchObject({ _tag: "LimitReached", limit: "idleTimeout" })
        }),
      { bottle: { limits: { idleTimeout: "1 minute" } } },
    ),
  )

  it.effect("launches none again while an operation is under way that ends it, nor after a destroy", () =>
    inWorld(endless, ({ sidecar }) =>
      Effect.gen(function* () {
        const run = yield* Effect.fork(start)
        yield* TestClock.adjust("5 seconds")
        const slug = Slug.make((yield* listBottles())[0]?.slug ?? "")
        const store = yield* BottleStore
        const removed = Effect.zipRight(sidecar.kill(slug), TestClock.adjust("1 minute"))
        yield* store.withOperation(slug, "destroy", Effect.zipRight(removed, store.remove(slug)))
        yield* TestClock.adjust("1 minute")
        expect(sidecar.launches.length).toBe(1)
        yield* Fiber.interrupt(run)
      }),
    ),
  )

  it.effect("launches a sidecar that died again, once", () =>
    inWorld(endless, ({ sidecar }) =>
      Effect.gen(function* () {
        const run = yield* Effect.fork(start)
        yield* TestClock.adjust("5 seconds")
        const slug = Slug.make((yield* listBottles())[0]?.slug ?? "")
        yield* sidecar.kill(slug)
        yield* TestClock.adjust("5 seconds")
        expect([sidecar.launches.length, Option.isSome(yield* sidecar.sidecar.find(slug))]).toEqual([2, true])
        yield* sidecar.kill(slug)
        yield* TestClock.adjust("1 minute")
        expect(sidecar.launches.length).toBe(2)
        yield* Fiber.interrupt(run)
      }),
    ),
  )
})
