/** The orchestrator as a library runs it: what its configuration lists is served, steered and reported, until it is ended. */
import { expect, it } from "@effect/vitest"
import {
  Cause,
  Clock,
  Context,
  Deferred,
  Effect,
  Exit,
  Fiber,
  Layer,
  Option,
  Redacted,
  TestClock,
} from "effect"
import { createHmac } from "node:crypto"
import { decodeConfiguration } from "../../src/domain/orchestrator/ConfigurationFile.ts"
import type { ServiceEvent } from "../../src/domain/orchestrator/ServiceEvent.ts"
import { Slug } from "../../src/domain/Slug.ts"
import * as MemoryServiceState from "../../src/layers/memory/MemoryServiceState.ts"
import * as MemorySignIns from "../../src/layers/memory/MemorySignIns.ts"
import * as MemorySweepCursors from "../../src/layers/memory/MemorySweepCursors.ts"
import * as Orchestrator from "../../src/orchestrator/Orchestrator.ts"
import { servedBy } from "../../src/orchestrator/served.ts"
import { BottleStore } from "../../src/services/BottleStore.ts"
import { HomeLease } from "../../src/services/HomeLease.ts"
import { LifeCycleEngine } from "../../src/services/LifeCycleEngine.ts"
import { ProvenanceStore } from "../../src/services/ProvenanceStore.ts"
import { ServiceState } from "../../src/services/ServiceState.ts"
import { sqliteStores } from "../support/lifeStores.ts"
import { hint, issue, kept, makeWorld, merges, prOf, says, targets, type WorldOptions } from "./world.ts"

const token = Redacted.make("0123456789abcdef0123456789abcdef01234567")

const configured = (more: object = {}) =>
  decodeConfiguration("orchestrator.yaml", {
    forge: { api: issue.forge, token: { env: "TOKEN" }, trustOrg: "acme" },
    repositories: { "ada/*": { limits: { running: 3 } }, "ada/cellar": { agents: ["carpenter"] } },
    settle: "5 seconds",
    sweep: "1 minute",
    limits: { running: 4, perRepository: 2 },
    ...more,
  })

/** A world with what a service has besides, and the options of one that serves it. */
const makeService = Effect.fnUntraced(function* (options: WorldOptions = {}) {
  const world = yield* makeWorld(options)
  const context = Context.merge(
    world.context,
    yield* Layer.build(
      Layer.mergeAll(MemoryServiceState.layer, MemorySignIns.layer, MemorySweepCursors.layer),
    ),
  )
  const events: Array<ServiceEvent> = []
  const serving: Orchestrator.OrchestratorOptions = {
    configuration: yield* configured(),
    secrets: { token },
    host: "host-a",
    observe: (event) => Effect.sync(() => void events.push(event)),
  }
  return { world, context, events, serving, state: Context.get(context, ServiceState) }
})

/** What is reported of the issue, in short. */
const told = (events: Array<ServiceEvent>) =>
  events.splice(0).map((event) => ("operation" in event ? `${event._tag} ${event.operation}` : event._tag))

/** Lets time pass, and what is due in it be done. */
const passes = (seconds: number, engine: Context.Tag.Service<LifeCycleEngine>) =>
  Effect.zipRight(
    Effect.replicateEffect(Effect.zipRight(TestClock.adjust("5 seconds"), engine.idle), seconds / 5),
    engine.idle,
  )

/** How a fiber ends, without any more time. */
const endOf = <A, E>(fiber: Fiber.RuntimeFiber<A, E>) =>
  Effect.zipRight(Effect.yieldNow(), Fiber.poll(fiber)).pipe(
    Effect.repeat({ until: Option.isSome, times: 10_000 }),
    Effect.map(Option.getOrThrowWith(() => new Error("it goes on"))),
  )

it.scoped(
  "an issue that a sweep finds is carried to its frozen bottle, and resumed; each step is reported",
  () =>
    Effect.gen(function* () {
      const { world, context, events, serving, state } = yield* makeService({ stores: yield* sqliteStores })
      yield* targets(world)
      const built = yield* Effect.provide(Layer.build(Orchestrator.layer(serving)), context)
      const engine = Context.get(built, LifeCycleEngine)
      yield* passes(30, engine)
      expect(yield* kept(world)).toMatchObject({ phase: "frozen", runs: [1], open: 0 })
      const launched = { _tag: "Ended", operation: "Launch", slug: expect.any(String), run: 1 }
      expect(events).toContainEqual(expect.objectContaining(launched))
      expect(told(events)).toEqual([
        "Serving",
        "Began Launch",
        "Ended Launch",
        "Waits",
        "Began Freeze",
        "Ended Freeze",
        "Waits",
      ])
      yield* says(world, "ada", prOf(world), "Use oak.")
      yield* engine.hint(hint("comment"))
      yield* passes(90, engine)
      expect(yield* kept(world)).toMatchObject({ phase: "frozen", runs: [2], consumed: 1 })
      expect(told(events).filter((text) => text.startsWith("Ended"))).toEqual([
        "Ended Resume",
        "Ended Freeze",
      ])
      expect(Option.getOrThrow(yield* state.health)).toMatchObject({
        isServing: true,
        listening: null,
        host: "host-a",
        sweep: { failures: 0 },
      })
    }),
)

it.scoped(
  "statements of destroyed bottles are removed by the service after their retention, and not before",
  () =>
    Effect.gen(function* () {
      const { world, context, serving } = yield* makeService()
      const configuration = yield* configured({ retention: { provenance: "30 minutes" } })
      yield* targets(world)
      const serve = Effect.scoped(
        Effect.flatMap(Layer.build(Orchestrator.layer({ ...serving, configuration })), (built) =>
          passes(30, Context.get(built, LifeCycleEngine)),
        ),
      ).pipe(Effect.provide(context))
      yield* serve
      const { all } = Context.get(context, BottleStore)
      const [slug = Slug.make("no-slug")] = (yield* all).map((row) => row.slug)
      const stated = Effect.map(Context.get(context, ProvenanceStore).of(slug), ({ length }) => length)
      // A service removes what is too old when it begins, and then every ten minutes.
      yield* TestClock.adjust("40 minutes")
      yield* serve
      expect(yield* stated).toBe(1)
      yield* merges(world, prOf(world))
      yield* serve
      expect([(yield* all).length, yield* stated]).toEqual([0, 1])
      yield* serve
      expect(yield* stated).toBe(0)
    }),
)

it.scoped(
  "paused, nothing starts, across restarts too; when it goes on, what waited starts within a second",
  () =>
    Effect.gen(function* () {
      const { world, context, events, serving, state } = yield* makeService()
      yield* state.pause(1)
      yield* targets(world)
      const serve = Effect.provide(Layer.build(Orchestrator.layer(serving)), context)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const engine = Context.get(yield* serve, LifeCycleEngine)
          yield* passes(30, engine)
          expect(yield* kept(world)).toMatchObject({ waits: "paused", runs: [] })
        }),
      )
      const engine = Context.get(yield* serve, LifeCycleEngine)
      yield* passes(30, engine)
      expect(yield* kept(world)).toMatchObject({ waits: "paused", runs: [] })
      expect(told(events)).not.toContain("Began Launch")
      yield* state.resume
      yield* TestClock.adjust("1 second")
      yield* engine.idle
      expect(yield* kept(world)).toMatchObject({ phase: "running", runs: [1] })
      yield* state.pause(2)
      // The agent that works goes on to its end.
      yield* passes(30, engine)
      expect(yield* kept(world)).toMatchObject({ phase: "frozen", runs: [1] })
      yield* says(world, "ada", prOf(world), "Use oak.")
      yield* engine.hint(hint("comment"))
      yield* passes(90, engine)
      expect(yield* kept(world)).toMatchObject({ phase: "frozen", runs: [1], waits: "paused" })
    }),
)

it.scoped("what was paused is started by a service that begins after the pause was over", () =>
  Effect.gen(function* () {
    const { world, context, serving, state } = yield* makeService()
    yield* state.pause(1)
    yield* targets(world)
    const serve = Effect.provide(Layer.build(Orchestrator.layer(serving)), context)
    yield* Effect.scoped(Effect.flatMap(serve, (built) => passes(180, Context.get(built, LifeCycleEngine))))
    yield* state.resume
    const engine = Context.get(yield* serve, LifeCycleEngine)
    yield* passes(5, engine)
    expect(yield* kept(world)).toMatchObject({ runs: [1] })
  }),
)

it.scoped("a look that is asked for is taken at once, though the issue rests after a failure", () =>
  Effect.gen(function* () {
    const { world, context, serving, state } = yield* makeService()
    const built = yield* Effect.provide(Layer.build(Orchestrator.layer(serving)), context)
    const engine = Context.get(built, LifeCycleEngine)
    yield* passes(5, engine)
    yield* targets(world)
    world.forge.failNext("readIssue", 503)
    yield* engine.hint(hint("label"))
    yield* engine.idle
    expect(yield* kept(world)).toMatchObject({ runs: [], open: 1 })
    yield* state.ask(issue)
    yield* TestClock.adjust("1 second")
    yield* engine.idle
    expect(yield* kept(world)).toMatchObject({ runs: [1], open: 0 })
  }),
)

it.scoped(
  "interrupted, it ends within 5 seconds whatever hangs, leaves the agent at work, and reports its end",
  () =>
    Effect.gen(function* () {
      const hangs = yield* Deferred.make<void>()
      const { world, context, serving, state } = yield* makeService({
        gate: (call) =>
          call === "backend.freeze"
            ? Effect.zipRight(Deferred.succeed(hangs, undefined), Effect.uninterruptible(Effect.never))
            : Effect.void,
      })
      yield* targets(world)
      const service = yield* Effect.fork(Effect.provide(Orchestrator.run(serving), context))
      yield* TestClock.adjust("5 seconds")
      expect(yield* kept(world)).toMatchObject({ phase: "running", runs: [1] })
      expect(world.atWork.now).toBe(1)
      const second = TestClock.adjust("1 second")
      yield* Effect.repeat(second, { times: 60, until: () => Deferred.isDone(hangs) })
      const ending = yield* Effect.fork(Fiber.interrupt(service))
      yield* TestClock.adjust("5 seconds")
      expect(Exit.map(yield* endOf(ending), Exit.isInterrupted)).toEqual(Exit.succeed(true))
      expect(Option.getOrThrow(yield* state.health)).toMatchObject({ isServing: false })
    }),
)

it.scoped(
  "interrupted while an agent works, it gives its lease back, and another goes on with that agent",
  () =>
    Effect.gen(function* () {
      // Nothing happens on the forge meanwhile: no sweep makes up for an agent that nobody waits for.
      const { world, context, serving } = yield* makeService({
        agent: ({ slug }, _usual, { sidecar }) =>
          Effect.gen(function* () {
            yield* Effect.sleep("4 minutes")
            const at = new Date(yield* Clock.currentTimeMillis).toISOString()
            const done = { version: 1, kind: "done", status: "blocked", summary: "which door?", at } as const
            yield* sidecar.push({ ...done, slug: Slug.make(slug) })
            return 0
          }),
      })
      const slow = { ...serving, poll: "5 seconds" } as const
      yield* targets(world)
      const service = yield* Effect.fork(Effect.provide(Orchestrator.run(slow), context))
      yield* Effect.replicateEffect(TestClock.adjust("5 seconds"), 24)
      expect(yield* kept(world)).toMatchObject({ phase: "running", runs: [1] })
      yield* Fiber.interrupt(service)
      yield* Effect.scoped(Context.get(context, HomeLease).hold)
      const built = yield* Effect.provide(Layer.build(Orchestrator.layer(slow)), context)
      yield* passes(60, Context.get(built, LifeCycleEngine))
      expect(yield* kept(world)).toMatchObject({ phase: "running", runs: [1] })
      yield* passes(120, Context.get(built, LifeCycleEngine))
      expect(yield* kept(world)).toMatchObject({ phase: "frozen", runs: [1] })
      expect((yield* world.fake.steps).filter((step) => step.startsWith("start "))).toHaveLength(1)
    }),
)

it.scoped("a second one on the same home fails, and reports nothing of itself", () =>
  Effect.gen(function* () {
    const { context, serving, state } = yield* makeService()
    yield* Effect.provide(Layer.build(Orchestrator.layer(serving)), context)
    yield* TestClock.adjust("1 second")
    const second = Orchestrator.run({ ...serving, host: "host-b" })
    const ended = yield* endOf(yield* Effect.fork(Effect.provide(second, context)))
    expect(Exit.isFailure(ended) && Cause.squash(ended.cause)).toMatchObject({ _tag: "HomeServed" })
    yield* TestClock.adjust("1 second")
    expect(Option.getOrThrow(yield* state.health)).toMatchObject({ host: "host-a", isServing: true })
  }),
)

it.scoped("a webhook is signed with the secret that there is now, not with the one of the start", () =>
  Effect.gen(function* () {
    const { context, events, serving } = yield* makeService()
    const configuration = yield* configured({ listen: "127.0.0.1:0" })
    const secrets = { token, webhook: Redacted.make("former") }
    yield* Effect.provide(Layer.build(Orchestrator.layer({ ...serving, configuration, secrets })), context)
    const [serves] = events
    const at = serves?._tag === "Serving" ? serves.listening : null
    const body = "{}"
    const status = (secret: string) =>
      Effect.promise(async () => {
        const signature = createHmac("sha256", secret).update(body).digest("hex")
        const headers = { "x-gitea-signature": signature, connection: "close" }
        return (await fetch(`http://${at}/webhook`, { method: "POST", body, headers })).status
      })
    // Signed, and about nothing: 400.
    expect([yield* status("former"), yield* status("newer")]).toEqual([400, 401])
    secrets.webhook = Redacted.make("newer")
    expect([yield* status("former"), yield* status("newer")]).toEqual([401, 400])
  }),
)

it.scoped(
  "a sweep that fails is reported with its problem and the time of the next, and when it works again",
  () =>
    Effect.gen(function* () {
      const { world, context, events, serving, state } = yield* makeService()
      world.forge.failNext("changedSince", 401)
      const built = yield* Effect.provide(Layer.build(Orchestrator.layer(serving)), context)
      yield* TestClock.adjust("1 second")
      const { sweep } = Option.getOrThrow(yield* state.health)
      expect(sweep).toMatchObject({ failures: 1, problem: expect.stringMatching(/401|Unauthorized/) })
      expect(sweep.nextAt).toBeGreaterThan(0)
      yield* passes(30, Context.get(built, LifeCycleEngine))
      expect(Option.getOrThrow(yield* state.health).sweep).toMatchObject({ failures: 0 })
      expect(events.filter(({ _tag }) => _tag === "Sweep")).toMatchObject([
        { problem: expect.any(String) },
        { problem: null },
      ])
    }),
)

it.effect("what the configuration lists is served by its settings; another repository or forge is not", () =>
  Effect.gen(function* () {
    const served = servedBy(yield* configured(), { token })
    const at = (owner: string, repo: string, forge: string = issue.forge) =>
      served.find({ forge, owner, repo })
    expect(served.running).toBe(4)
    expect(Option.getOrThrow(at("Ada", "Cellar"))).toMatchObject({
      target: { kind: "gitea", apiUrl: issue.forge, owner: "Ada", repo: "Cellar" },
      life: { settle: 5_000, agents: ["carpenter"], paused: false },
      trustOrg: "acme",
      running: 2,
    })
    expect(Option.getOrThrow(at("ada", "attic"))).toMatchObject({ running: 3 })
    expect(at("eve", "cellar")).toEqual(Option.none())
    expect(at("ada", "cellar", "http://other.example/api/v1")).toEqual(Option.none())
  }),
)
