/** The HTTP interface by its own client, over real HTTP and a whole life of an issue: what it answers, its errors, pages and streams. */
import { describe, expect, it } from "@effect/vitest"
import { FetchHttpClient } from "@effect/platform"
import { Chunk, Deferred, Effect, Either, Fiber, Option, Redacted, Schedule, Stream } from "effect"
import { type RunNumber, IssueNumber } from "../../../src/domain/orchestrator/IssueKey.ts"
import { type RequestDetail, RequestId } from "../../../src/domain/AgentRequest.ts"
import { Slug } from "../../../src/domain/Slug.ts"
import * as ServiceClient from "../../../src/exports/ServiceClient.ts"
import { makeSimulated, type SimulatedOptions } from "../simulated.ts"
import { ask } from "./ask.ts"

const ADA = "ada-0123456789abcdef0123456789abcdef"
const BOB = "bob-0123456789abcdef0123456789abcdef"
const operators = { ada: { token: { env: "A" } }, bob: { token: { env: "B" } } }
const HOSTILE = `<img src=x onerror=alert(1)>\u202e\u001b[31m"'&`

/** A service with a client of ada's. */
const served = Effect.fnUntraced(function* (options: SimulatedOptions = {}) {
  const world = yield* makeSimulated({
    ...options,
    more: { operators, ...options.more },
    tokens: { "operators.ada.token": ADA, "operators.bob.token": BOB },
  })
  const { listening, close } = yield* world.serve
  const access = { url: `http://${listening}`, token: Redacted.make(ADA) }
  return { world, listening, close, access, client: yield* ServiceClient.make(access) }
})

const path = (number: number) => ({ owner: "ada", repo: "cellar", number: IssueNumber.make(number) })
const frozen = (number: number, world: Effect.Effect.Success<ReturnType<typeof makeSimulated>>) =>
  Effect.zipRight(
    world.target(number),
    world.until(number, ({ state: { phase } }) => phase === "frozen"),
  )

describe("the HTTP interface", () => {
  it.scopedLive(
    "has the life of an issue: its state, its bottle, its runs, and its timeline with each reason",
    () =>
      Effect.gen(function* () {
        const { world, client } = yield* served({
          work: (_plan, _sim, { print }) => print(`done ${HOSTILE}\n`),
        })
        const before = yield* client.service.status()
        expect(before).toMatchObject({ operator: "ada", pausedAt: null, issues: { frozen: 0 } })
        expect((yield* client.issues.list({ urlParams: { limit: 50 } })).items).toEqual([])
        const issue = world.sim.state.repo("ada", "cellar")?.issues.get(17)
        if (issue !== undefined) issue.title = HOSTILE
        yield* frozen(17, world)

        const { items, next } = yield* client.issues.list({ urlParams: { limit: 50 } })
        expect(next).toBe(null)
        // The first sweep may be at the other issue.
        const listed = items.find(({ issueNumber }) => issueNumber === 17)
        expect(listed).toMatchObject({ title: HOSTILE, phase: "frozen", waits: "person" })
        expect(listed?.url).toBe(`${world.sim.apiUrl.replace("/api/v1", "")}/ada/cellar/issues/17`)
        const slug = Slug.make(listed?.bottle?.slug ?? "")
        expect(listed?.bottle).toMatchObject({ agent: "carpenter", pr: { number: world.prOf(17) } })
        expect(yield* client.issues.get({ path: path(17) })).toMatchObject({
          generation: 1,
          use: { runs: 1 },
        })

        const runs = yield* client.issues.runs({ path: path(17), urlParams: { limit: 5 } })
        expect(runs.items).toMatchObject([{ slug, run: 1, operation: "Launch", state: "done" }])
        const timeline = yield* client.issues.timeline({ path: path(17), urlParams: { limit: 50 } })
        const told = timeline.items.map(({ event }) =>
          event._tag === "Decided" ? (event.operation ?? event.waits) : event._tag,
        )
        expect(told[0]).toBe("Launch")
        expect(told).toEqual(expect.arrayContaining(["Started", "Ended", "Freeze", "person"]))
        const [first] = timeline.items
        expect(first?.event).toMatchObject({ reason: expect.stringMatching(/./) })
        expect(JSON.stringify(timeline.items)).toMatch(/"kind":"(label|assign)".*"actor":"ada"/)
        expect((yield* client.service.status()).issues.frozen).toBe(1)

        const bottles = yield* client.bottles.list({ urlParams: { limit: 50 } })
        expect(bottles.items).toMatchObject([{ slug, state: "frozen", agent: "carpenter" }])
        expect(yield* client.bottles.get({ path: { slug } })).toMatchObject({
          status: { slug },
          issues: [{ owner: "ada", issueNumber: 17 }],
        })
        const run = { slug, run: 1 as typeof RunNumber.Type }
        const part = { from: 0, limit: 65536 }
        expect(yield* client.bottles.output({ path: run, urlParams: part })).toEqual({
          text: `done ${HOSTILE}\n`,
          next: null,
        })
        const usage = yield* client.usage.sums({ urlParams: { by: "repository", limit: 9 } })
        expect(usage.items).toMatchObject([{ owner: "ada", repo: "cellar", runs: 1 }])
        expect(
          yield* client.provenance.ofIssue({ urlParams: { owner: "ada", repo: "cellar", issue: 17 } }),
        ).toHaveLength(1)
        expect(yield* client.metrics.scrape()).toMatch(/^bot_bottle_issues\{phase="frozen"\} 1$/m)
      }).pipe(Effect.provide(FetchHttpClient.layer)),
  )

  it.scopedLive("finds issues by state, repository and text, and gives each once over all pages", () =>
    Effect.gen(function* () {
      const { world, client } = yield* served({ issues: [17, 18, 19], more: { limits: { running: 3 } } })
      yield* Effect.forEach([17, 18, 19], (number) => frozen(number, world))
      const found = (urlParams: object) =>
        Effect.map(client.issues.list({ urlParams: { limit: 50, ...urlParams } }), ({ items }) =>
          items.map(({ issueNumber }) => Number(issueNumber)).toSorted((a, b) => a - b),
        )
      // A pull request is listed until it was looked at.
      yield* Effect.repeat(found({}), {
        until: ({ length }) => length === 3,
        schedule: Schedule.spaced("50 millis"),
      })
      expect(yield* found({ phase: "frozen" })).toEqual([17, 18, 19])
      expect(yield* found({ phase: "running" })).toEqual([])
      expect(yield* found({ text: "issue 18" })).toEqual([18])
      expect(yield* found({ repository: "ADA/Cellar", waits: "person" })).toEqual([17, 18, 19])
      expect(yield* found({ repository: "other" })).toEqual([])
      const seen: Array<number> = []
      let cursor: string | undefined
      do {
        const urlParams = { limit: 1, ...(cursor !== undefined && { cursor }) }
        const { items, next }: { items: ReadonlyArray<{ issueNumber: number }>; next: string | null } =
          yield* client.issues.list({ urlParams })
        seen.push(...items.map(({ issueNumber }) => issueNumber))
        cursor = next ?? undefined
      } while (cursor !== undefined)
      expect(seen.toSorted((a, b) => a - b)).toEqual([17, 18, 19])
      const bottles: Array<string> = []
      let more: string | undefined
      do {
        const urlParams = { limit: 1, ...(more !== undefined && { cursor: more }) }
        const { items, next }: { items: ReadonlyArray<{ slug: string }>; next: string | null } =
          yield* client.bottles.list({ urlParams })
        bottles.push(...items.map(({ slug }) => slug))
        more = next ?? undefined
      } while (more !== undefined && bottles.length < 9)
      expect([bottles.length, new Set(bottles).size]).toEqual([3, 3])
      const one = yield* client.issues.timeline({ path: path(17), urlParams: { limit: 1 } })
      const two = yield* client.issues.timeline({
        path: path(17),
        urlParams: { limit: 200, cursor: one.next ?? "" },
      })
      const whole = yield* client.issues.timeline({ path: path(17), urlParams: { limit: 200 } })
      expect([...one.items, ...two.items]).toEqual(whole.items)
    }).pipe(Effect.provide(FetchHttpClient.layer)),
  )

  it.scopedLive(
    "fails with its own errors: who may not, what is not there, a bad cursor, and a bad parameter",
    () =>
      Effect.gen(function* () {
        const { client, access } = yield* served()
        const stranger = yield* ServiceClient.make({ ...access, token: Redacted.make("x".repeat(32)) })
        expect(yield* Effect.flip(stranger.service.status())).toBeInstanceOf(ServiceClient.Unauthorized)
        expect(
          yield* Effect.flip(Stream.runDrain(ServiceClient.events({ ...access, token: Redacted.make("x") }))),
        ).toBeInstanceOf(ServiceClient.Unauthorized)
        expect(yield* Effect.flip(client.issues.get({ path: path(99) }))).toBeInstanceOf(
          ServiceClient.NotFound,
        )
        const none = { slug: Slug.make("none-abcde") }
        expect(yield* Effect.flip(client.bottles.get({ path: none }))).toBeInstanceOf(ServiceClient.NotFound)
        expect(yield* Effect.flip(client.bottles.stop({ path: none }))).toBeInstanceOf(ServiceClient.NotFound)
        for (const cursor of ["x", "bm9uZQ", Buffer.from(`{"seq":"a"}`).toString("base64url"), "%00", "🍾"])
          expect(yield* Effect.flip(client.issues.list({ urlParams: { limit: 5, cursor } }))).toBeInstanceOf(
            ServiceClient.BadRequest,
          )
        const refused = (limit: number) => Effect.flip(client.issues.list({ urlParams: { limit } }))
        for (const limit of [0, -1, 201, 1e9, 1.5, NaN])
          expect((yield* refused(limit))._tag).toMatch(/ParseError|HttpApiDecodeError/)
      }).pipe(Effect.provide(FetchHttpClient.layer)),
  )

  it.scopedLive(
    "carries out orders, each in the history under its operator's name before it is carried out",
    () =>
      Effect.gen(function* () {
        const { world, client, access } = yield* served()
        const bob = yield* ServiceClient.make({ ...access, token: Redacted.make(BOB) })
        expect((yield* client.service.pause()).pausedAt).toEqual(expect.any(Number))
        yield* Effect.repeat(Effect.yieldNow(), {
          until: () => world.events.some((event) => event._tag === "Paused"),
          schedule: Schedule.spaced("20 millis"),
        })
        yield* world.target(17)
        yield* world.until(17, ({ waits }) => waits === "paused")
        expect((yield* bob.service.continue()).pausedAt).toBe(null)
        yield* world.until(17, ({ state: { phase } }) => phase === "frozen")
        expect(yield* bob.issues.retry({ path: path(17) })).toMatchObject({ issueNumber: 17 })
        const [bottle] = (yield* client.bottles.list({ urlParams: { limit: 1 } })).items
        const slug = bottle?.slug ?? Slug.make("none")
        yield* client.bottles.freeze({ path: { slug } })
        expect(yield* client.bottles.destroy({ path: { slug } })).toEqual({ slug, state: null })
        const rows = yield* ServiceClient.events({ ...access, after: 0 }).pipe(
          Stream.filter(({ event }) => event._tag === "Ordered"),
          Stream.map(({ event }) => (event._tag === "Ordered" ? [event.operator, event.action] : [])),
          Stream.take(5),
          Stream.runCollect,
        )
        expect(Chunk.toReadonlyArray(rows)).toEqual([
          ["ada", "pause"],
          ["bob", "continue"],
          ["bob", "retry"],
          ["ada", "freeze"],
          ["ada", "destroy"],
        ])
      }).pipe(Effect.provide(FetchHttpClient.layer)),
  )

  it.scopedLive(
    "streams every event once, in order, over connections that break and a restart of the service",
    () =>
      Effect.gen(function* () {
        const { world, access, client, close } = yield* served()
        const collected: Array<number> = []
        const follow = (after: number, count: number) =>
          ServiceClient.events({ ...access, after }).pipe(
            Stream.take(count),
            Stream.runForEach(({ seq }) => Effect.sync(() => void collected.push(seq))),
          )
        const viewer = yield* Effect.fork(follow(0, 3))
        yield* frozen(17, world)
        yield* Fiber.join(viewer)
        const { event } = yield* client.service.status()
        expect(event).toBeGreaterThan(3)
        // One connection for each event.
        while (collected.length < event) yield* follow(collected.at(-1) ?? 0, 1)
        expect(collected).toEqual(Array.from({ length: event }, (_, n) => n + 1))
        // From now on, unless told otherwise; a number of another database is not waited for.
        const viewers = yield* Effect.forkAll(
          [access, { ...access, after: 999_999 }].map((options) =>
            Stream.runHead(ServiceClient.events(options)),
          ),
        )
        const turning = Effect.zipRight(client.service.pause(), Effect.sleep("50 millis"))
        const turned = yield* Effect.fork(Effect.forever(turning))
        const heads = yield* Fiber.join(viewers)
        yield* Fiber.interrupt(turned)
        for (const head of heads) expect(Option.getOrThrow(head).seq).toBeGreaterThan(event)

        const last = (yield* client.service.status()).event
        yield* close
        const { listening } = yield* world.serve
        const next = { url: `http://${listening}`, token: access.token }
        yield* Effect.flatMap(ServiceClient.make(next), ({ service }) => service.continue())
        const [after] = yield* Stream.runCollect(
          Stream.take(ServiceClient.events({ ...next, after: last }), 1),
        )
        expect(after).toMatchObject({ seq: last + 1, event: { action: "continue" } })
      }).pipe(Effect.provide(FetchHttpClient.layer)),
  )

  it.scopedLive(
    "streams output and log as they are written, each byte once and no character cut, until the agent ends",
    () =>
      Effect.gen(function* () {
        const goesOn = yield* Deferred.make<void>()
        const text = "🍾 über\n".repeat(2000)
        const { world, client, access } = yield* served({
          work: (_plan, _sim, { print }) =>
            Effect.gen(function* () {
              const bytes = Buffer.from(text)
              for (let at = 0; at < bytes.length; at += 4093) yield* print(bytes.subarray(at, at + 4093))
              yield* Deferred.await(goesOn)
              yield* print("end\n")
            }),
        })
        const line = (seq: number, detail: string) =>
          `${JSON.stringify({ seq, at: "2027-01-01T00:00:00Z", op: "read_issue", target: "#17", outcome: "ok", durationMs: 1, detail })}\n`
        world.operationLog.text = line(1, HOSTILE) + line(2, "")
        yield* world.target(17)
        yield* world.until(17, ({ state: { phase } }) => phase === "running")
        const list = Effect.map(
          client.issues.list({ urlParams: { limit: 1 } }),
          ({ items }) => items[0]?.bottle,
        )
        const bottle = yield* Effect.repeat(list, {
          until: (it) => it !== null && it !== undefined,
          schedule: Schedule.spaced("20 millis"),
        }).pipe(Effect.zipRight(list))
        const slug = bottle?.slug ?? Slug.make("none")
        const ofRun = { ...access, slug, run: 1 }
        const all = yield* Effect.fork(Stream.mkString(ServiceClient.output(ofRun)))
        const rest = yield* Effect.fork(Stream.mkString(ServiceClient.output({ ...ofRun, after: 10 })))
        const log = yield* Effect.fork(Stream.runCollect(ServiceClient.log({ ...access, slug })))
        const part = yield* client.bottles.output({
          path: { slug, run: 1 as typeof RunNumber.Type },
          urlParams: { from: 0, limit: 6 },
        })
        expect(part).toEqual({ text: "🍾 ", next: 5 })
        const page = yield* client.bottles.log({ path: { slug }, urlParams: { limit: 1 } })
        expect(page.items).toMatchObject([{ line: { op: "read_issue", detail: HOSTILE } }])
        world.operationLog.text += `${line(3, "")}not JSON\n`
        yield* Deferred.succeed(goesOn, undefined)
        expect(yield* Fiber.join(all)).toBe(`${text}end\n`)
        expect(yield* Fiber.join(rest)).toBe(Buffer.from(`${text}end\n`).subarray(10).toString())
        const lines = Chunk.toReadonlyArray(yield* Fiber.join(log)).map((it) => it.line?.seq ?? null)
        expect(lines).toEqual([1, 2, 3, null])
        const others = yield* client.bottles.log({
          path: { slug },
          urlParams: { limit: 5, cursor: page.next ?? "" },
        })
        expect(others.items.map((it) => it.line?.seq ?? null)).toEqual([2, 3, null])
      }).pipe(Effect.provide(FetchHttpClient.layer)),
  )

  it.scopedLive(
    "lists what agents ask for, and decides it once, in the operator's name and in the history",
    () =>
      Effect.gen(function* () {
        const { world, client, listening } = yield* served()
        yield* frozen(17, world)
        const { items: bottles } = yield* client.bottles.list({ urlParams: { limit: 50 } })
        const slug = bottles[0]?.slug ?? Slug.make("none")
        const asked = { version: 1, slug, run: 1, reason: HOSTILE, used: false } as const
        const asks = (id: string, second: number, detail: RequestDetail) =>
          world.request({ ...asked, id: RequestId.make(id), at: `2026-01-02T03:04:0${second}.000Z`, detail })
        yield* asks("aaaaaa", 1, { kind: "egress", host: "example.org", port: 443 })
        yield* asks("bbbbbb", 2, { kind: "question", text: HOSTILE })
        expect((yield* client.service.status()).requests).toBe(2)
        const first = yield* client.requests.list({ urlParams: { limit: 1 } })
        expect(first.items).toMatchObject([{ id: "bbbbbb", state: "open", decision: null, reason: HOSTILE }])
        const second = yield* client.requests.list({ urlParams: { limit: 1, cursor: first.next ?? "" } })
        expect(second).toMatchObject({ items: [{ id: "aaaaaa", asks: "example.org:443" }], next: null })

        const id = (text: string) => ({ path: { id: RequestId.make(text) } })
        const question = { ...id("bbbbbb"), payload: {} }
        expect((yield* Effect.flip(client.requests.approve(question)))._tag).toBe("BadRequest")
        expect((yield* Effect.flip(client.requests.approve({ ...id("cccccc"), payload: {} })))._tag).toBe(
          "NotFound",
        )
        const outcomes = yield* Effect.all(
          [
            Effect.either(client.requests.approve({ ...id("aaaaaa"), payload: { scope: "once" } })),
            Effect.either(client.requests.deny({ ...id("aaaaaa"), payload: { reason: "no" } })),
          ],
          { concurrency: 2 },
        )
        expect(outcomes.map(({ _tag }) => _tag).toSorted()).toEqual(["Left", "Right"])
        expect(outcomes.find(Either.isLeft)?.left._tag).toBe("Conflict")
        const said = yield* client.requests.answer({ ...id("bbbbbb"), payload: { text: "Blue." } })
        expect(said).toMatchObject({
          request: { decision: { by: "ada", verdict: "answered", text: "Blue." } },
        })
        const { items } = yield* client.issues.timeline({ path: path(17), urlParams: { limit: 200 } })
        expect(items.map(({ event }) => event)).toContainEqual({
          _tag: "Ordered",
          operator: "ada",
          action: "answer",
          target: `${slug} bbbbbb`,
        })
        const nobody = yield* ask(listening, "/requests/bbbbbb/approve", { method: "POST" })
        expect(nobody.status).toBe(401)
      }).pipe(Effect.provide(FetchHttpClient.layer)),
  )

  it.scopedLive("describes itself: each endpoint, its errors and who may call it", () =>
    Effect.gen(function* () {
      const { listening } = yield* served()
      const { text } = yield* ask(listening, "/openapi.json", { headers: { authorization: `Bearer ${ADA}` } })
      const { openapi, paths, components } = JSON.parse(text)
      expect(openapi).toBe("3.1.0")
      expect(Object.keys(paths)).toEqual(
        expect.arrayContaining([
          "/status",
          "/issues",
          "/issues/{owner}/{repo}/{number}/timeline",
          "/events",
          "/metrics",
        ]),
      )
      for (const operations of Object.values<Record<string, { security: unknown; responses: object }>>(paths))
        for (const { security, responses } of Object.values(operations)) {
          expect(security).toEqual([{ token: [] }, { session: [] }])
          expect(Object.keys(responses)).toContain("401")
        }
      expect(components.securitySchemes.token).toMatchObject({ type: "http", scheme: "bearer" })
    }).pipe(Effect.provide(FetchHttpClient.layer)),
  )
})
