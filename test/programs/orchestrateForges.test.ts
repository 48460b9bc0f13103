/** Orchestrated runs and the forges they are about: which one a row is of, and what is asked of it before a launch. */
import { it } from "@effect/vitest"
import { Effect, HashMap, Logger, LogLevel, Option } from "effect"
import { describe, expect } from "vitest"
import { ForgeState } from "../../src/domain/ForgeState.ts"
import { destroy } from "../../src/programs/destroy.ts"
import { freeze } from "../../src/programs/freeze.ts"
import { listBottles } from "../../src/programs/listBottles.ts"
import { orchestrateAssign } from "../../src/programs/orchestrateAssign.ts"
import { orchestrateResume } from "../../src/programs/orchestrateResume.ts"
import { orchestrateStart } from "../../src/programs/orchestrateStart.ts"
import { orchestrateStatus } from "../../src/programs/orchestrateStatus.ts"
import { settleEvents } from "../../src/programs/settleEvents.ts"
import { ForgeStateStore } from "../../src/services/ForgeStateStore.ts"
import { Slug } from "../../src/domain/Slug.ts"
import { actingOn } from "../support/variables.ts"
import { inWorld } from "./world.ts"

const start = orchestrateStart({ agent: "worker", prompt: "work" })
const here = "http://git.example/api/v1"
const there = "https://other.example/api/v1"
const atOther = actingOn({ FORGE_GITEA_API: "https://OTHER.example:443/api/v1/" })

/** A row as a version that did not know forges wrote it. */
const oldRow = new ForgeState({
  forge: "",
  owner: "Ada",
  repo: "cellar",
  issueNumber: 17,
  slug: Slug.make("old-abcde"),
  agentName: "worker",
})
const rows = Effect.flatMap(ForgeStateStore, (store) => store.all)
const keep = (row: ForgeState) => Effect.flatMap(ForgeStateStore, (store) => store.upsert(row))

/** Runs an effect; also returns what it logged. */
const logged = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const lines: Array<string> = []
  const logger = Logger.make(({ message, annotations }) => {
    lines.push(`${String(message)}${HashMap.isEmpty(annotations) ? "" : " ..."}`)
  })
  const result = yield* effect.pipe(
    Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
    Logger.withMinimumLogLevel(LogLevel.Info),
  )
  return { result, lines }
})

describe("an issue of the same name at another forge", () => {
  it.effect("is another issue: both are handled, and each shows its own forge's address", () =>
    inWorld({}, () =>
      Effect.gen(function* () {
        yield* start
        yield* atOther(start)
        expect(yield* Effect.flip(start)).toMatchObject({ _tag: "AlreadyHandled", forge: here })
        expect(yield* Effect.flip(atOther(start))).toMatchObject({ _tag: "AlreadyHandled", forge: there })
        expect((yield* orchestrateStatus()).map(({ forge, issueUrl }) => [forge, issueUrl])).toEqual([
          [here, "http://git.example/ada/cellar/issues/17"],
          [there, "https://other.example/ada/cellar/issues/17"],
        ])
      }),
    ),
  )

  it.effect("is not what a bottle is resumed on", () =>
    inWorld({}, () =>
      Effect.gen(function* () {
        const slug = yield* start
        yield* freeze(slug)
        expect(yield* Effect.flip(atOther(orchestrateResume({ slug, prompt: "x" })))).toMatchObject({
          _tag: "ForgeConfigInvalid",
          variable: "FORGE_GITEA_API",
          reason: expect.stringContaining(`handles ada/cellar#17 at ${here}`),
        })
      }),
    ),
  )

  it.effect("is the same issue when only the spelling of address or names differs", () =>
    inWorld({}, () =>
      Effect.gen(function* () {
        const slug = yield* start
        const spelled = actingOn({
          FORGE_GITEA_API: "HTTP://GIT.EXAMPLE:80/api/v1/",
          FORGE_OWNER: "ADA",
          FORGE_REPO: "Cellar",
        })
        expect(yield* Effect.flip(spelled(start))).toMatchObject({ _tag: "AlreadyHandled", slug })
        yield* freeze(slug)
        yield* spelled(orchestrateResume({ slug, prompt: "more" }))
        expect((yield* rows).map((row) => [row.owner, row.slug])).toEqual([["ada", slug]])
      }),
    ),
  )
})

describe("a row whose forge is not known", () => {
  it.effect("counts as handled on every forge, until it is assigned to one", () =>
    inWorld({}, () =>
      Effect.gen(function* () {
        yield* keep(oldRow)
        for (const attempt of [start, atOther(start)]) {
          const error = yield* Effect.flip(attempt)
          expect(error).toMatchObject({ _tag: "AlreadyHandled", forge: "", slug: "old-abcde" })
          expect(error.message).toContain("bot-bottle orchestrate assign old-abcde --forge URL")
        }
        expect(yield* listBottles()).toEqual([])
        expect(yield* orchestrateStatus()).toMatchObject([
          { forge: "", issueUrl: "Ada/cellar#17", state: "gone" },
        ])
        const assign = orchestrateAssign({ slug: "old-abcde", forge: "https://other.example/api/v1/" })
        const key = { forge: there, owner: "Ada", repo: "cellar", issueNumber: 17 }
        expect(yield* assign).toEqual([key])
        expect(yield* assign).toEqual([key])
        expect(yield* rows).toEqual([new ForgeState({ ...oldRow, forge: there })])
        expect(yield* Effect.flip(atOther(start))).toMatchObject({ slug: "old-abcde" })
        yield* start
      }),
    ),
  )

  it.effect("does not count when its bottle was destroyed", () =>
    inWorld({}, () =>
      Effect.gen(function* () {
        yield* keep(new ForgeState({ ...oldRow, status: "destroyed" }))
        yield* start
        expect((yield* orchestrateStatus()).length).toBe(1)
      }),
    ),
  )

  it.effect("is resumed once it was assigned: the refusal is the command that does it", () =>
    inWorld({}, () =>
      Effect.gen(function* () {
        const slug = yield* start
        yield* freeze(slug)
        const store = yield* ForgeStateStore
        const [row] = yield* rows
        yield* store.upsert(new ForgeState({ ...row!, forge: "" }))
        yield* store.delete(row!)
        const resume = orchestrateResume({ slug, prompt: "more" })
        expect((yield* Effect.flip(resume)).message).toContain(
          `bot-bottle orchestrate assign ${slug} --forge ${here}`,
        )
        yield* orchestrateAssign({ slug, forge: here })
        yield* resume
        expect(yield* rows).toMatchObject([{ forge: here, slug, status: "running" }])
      }),
    ),
  )

  it.effect(
    "is not assigned to what is no forge, to a forge where its issue has another bottle, or twice",
    () =>
      inWorld({}, () =>
        Effect.gen(function* () {
          const assign = (slug: string, forge: string) => Effect.flip(orchestrateAssign({ slug, forge }))
          const slug = yield* start
          yield* keep(new ForgeState({ ...oldRow, owner: "ada" }))
          expect(yield* assign("old-abcde", here)).toMatchObject({
            _tag: "AlreadyHandled",
            slug,
            forge: here,
          })
          expect(yield* assign("old-abcde", "https://ada:x@git.example/api/v1")).toMatchObject({
            _tag: "InvalidInput",
            field: "forge",
          })
          expect(yield* assign(slug, there)).toMatchObject({ _tag: "InvalidInput", field: "forge" })
          expect(yield* assign("no-abcde", there)).toMatchObject({ _tag: "BottleNotFound" })
          expect((yield* rows).map((row) => [row.forge, row.slug])).toEqual([
            ["", "old-abcde"],
            [here, slug],
          ])
        }),
      ),
  )
})

describe("before a launch the forge is asked for the issue", () => {
  const nothingMade = Effect.gen(function* () {
    expect(yield* listBottles()).toEqual([])
    expect(yield* rows).toEqual([])
  })

  it.effect("a closed one is refused, and started on with force", () =>
    inWorld({}, ({ forge, fake }) =>
      Effect.gen(function* () {
        forge.repo.issues.get(17)!.state = "closed"
        const error = yield* Effect.flip(start)
        expect(error).toMatchObject({ _tag: "IssueClosed", forge: here, issueNumber: 17 })
        expect(error.message).toContain("--force")
        yield* nothingMade
        expect(yield* fake.steps).toEqual([])
        yield* orchestrateStart({ agent: "worker", prompt: "work", force: true })
        expect((yield* listBottles()).length).toBe(1)
      }),
    ),
  )

  for (const [title, status] of [
    ["one that is not there", 404],
    ["one that no forge answers for", 0],
    ["one that the token does not reach", 401],
  ] as const) {
    it.effect(`${title} ends a start and a resume before anything is made or changed`, () =>
      inWorld({}, ({ forge, fake, sidecar }) =>
        Effect.gen(function* () {
          forge.failNext("readIssue", status)
          expect(yield* Effect.flip(start)).toMatchObject({ _tag: "ForgeRequestError", status })
          yield* nothingMade
          const slug = yield* start
          yield* freeze(slug)
          const before = [yield* rows, yield* listBottles(), yield* fake.steps]
          forge.failNext("readIssue", status)
          expect(yield* Effect.flip(orchestrateResume({ slug, prompt: "more" }))).toMatchObject({
            _tag: "ForgeRequestError",
            status,
          })
          expect([yield* rows, yield* listBottles(), yield* fake.steps]).toEqual(before)
          expect(sidecar.launches.length).toBe(1)
        }),
      ),
    )
  }

  it.effect("a pull request is none", () =>
    inWorld({}, ({ forge }) =>
      Effect.gen(function* () {
        const pull = forge.state.addPull(forge.repo, { title: "A pull", head: "topic" })
        const onPull = actingOn({ FORGE_ISSUE_NUMBER: String(pull.number) })
        expect(yield* Effect.flip(onPull(start))).toMatchObject({ _tag: "ForgeRequestError", status: 404 })
        yield* nothingMade
      }),
    ),
  )

  it.effect("a resume goes on with one that was closed meanwhile", () =>
    inWorld({}, ({ forge }) =>
      Effect.gen(function* () {
        const slug = yield* start
        yield* freeze(slug)
        forge.repo.issues.get(17)!.state = "closed"
        const { lines } = yield* logged(orchestrateResume({ slug, prompt: "more" }))
        expect(lines).toContain("ada/cellar#17 is closed")
      }),
    ),
  )

  it.effect("the token's user is kept in the row, and the org of the bots is logged", () =>
    inWorld({}, ({ forge }) =>
      Effect.gen(function* () {
        const org = actingOn({ FORGE_ORG: "the-bots" })
        const { result: slug, lines } = yield* logged(org(start))
        expect(lines).toContain(`forge: ada/cellar#17 at ${here}, as cellar-bot; FORGE_ORG is the-bots`)
        expect(yield* orchestrateStatus()).toMatchObject([{ slug, agentGitUser: "cellar-bot" }])
        forge.failNext("self", 403)
        const second = yield* logged(actingOn({ FORGE_ISSUE_NUMBER: "18" })(start))
        expect(second.lines.join("\n")).toContain("FORGE_ORG is bot-bottle")
        expect((yield* rows).map((row) => row.agentGitUser)).toEqual(["cellar-bot", ""])
      }),
    ),
  )
})

it.effect("status shows what the bottle is, how its agent ended and what it signalled", () =>
  inWorld({ agent: () => Effect.succeed(3) }, ({ sidecar }) =>
    Effect.gen(function* () {
      yield* Effect.flip(start)
      const slug = Slug.make((yield* listBottles())[0]?.slug ?? "")
      const at = "2026-01-01T00:00:00.000Z"
      yield* sidecar.push({ version: 1, kind: "done", slug, at, status: "blocked", summary: "half of it" })
      yield* settleEvents(slug)
      const [status] = yield* orchestrateStatus()
      expect(status).toMatchObject({
        slug,
        status: "running",
        state: "exited",
        exit: Option.some({ code: 3 }),
        done: Option.some({ status: "blocked", summary: "half of it" }),
      })
      yield* freeze(slug)
      expect(yield* orchestrateStatus()).toMatchObject([{ status: "frozen", state: "frozen" }])

      yield* destroy(slug)
      expect(yield* orchestrateStatus()).toEqual([])
      expect(yield* orchestrateStatus({ all: true })).toMatchObject([
        { status: "destroyed", state: "destroyed" },
      ])
    }),
  ),
)
