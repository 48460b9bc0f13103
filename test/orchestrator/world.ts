/** A world in which the orchestrator lives: a forge, a backend and stores that outlive each engine. */
import {
  Clock,
  Context,
  type Duration,
  Effect,
  Exit,
  Layer,
  Option,
  Redacted,
  Scope,
  TestClock,
} from "effect"
import { HintId, InboxHint } from "../../src/domain/orchestrator/InboxHint.ts"
import { type IssueKey, IssueNumber, type RepositoryKey } from "../../src/domain/orchestrator/IssueKey.ts"
import { defaultLife } from "../../src/domain/orchestrator/LifeSettings.ts"
import { HostName } from "../../src/domain/orchestrator/StoredOperation.ts"
import type { ForgeTarget } from "../../src/domain/ForgeTarget.ts"
import * as MemoryBottleStore from "../../src/layers/memory/MemoryBottleStore.ts"
import * as MemoryForgeStateStore from "../../src/layers/memory/MemoryForgeStateStore.ts"
import * as MemoryHomeLease from "../../src/layers/memory/MemoryHomeLease.ts"
import * as MemoryLifeStores from "../../src/layers/memory/MemoryLifeStores.ts"
import * as LiveProviders from "../../src/layers/providers/LiveProviders.ts"
import * as LocalLifeCycleEngine from "../../src/orchestrator/engine/LocalLifeCycleEngine.ts"
import { ServedRepositories, type ServedRepository } from "../../src/orchestrator/ServedRepositories.ts"
import type { BottlePlan } from "../../src/domain/Bottle.ts"
import type { BottleManifest } from "../../src/domain/Manifest.ts"
import { Slug } from "../../src/domain/Slug.ts"
import { BottleStore } from "../../src/services/BottleStore.ts"
import { ForgeStateStore } from "../../src/services/ForgeStateStore.ts"
import { HomeLease } from "../../src/services/HomeLease.ts"
import type { History } from "../../src/services/History.ts"
import { Inbox } from "../../src/services/Inbox.ts"
import { IssueStates } from "../../src/services/IssueStates.ts"
import { LifeCycleEngine } from "../../src/services/LifeCycleEngine.ts"
import { Operations } from "../../src/services/Operations.ts"
import { Outbox } from "../../src/services/Outbox.ts"
import { Sidecar } from "../../src/services/Sidecar.ts"
import { Usage } from "../../src/services/Usage.ts"
import * as actions from "../../src/simulator/actions.ts"
import * as FakeBackend from "../../src/testing/FakeBackend.ts"
import * as FakeForge from "../../src/testing/FakeForge.ts"
import * as FakeSidecar from "../../src/testing/FakeSidecar.ts"
import * as MemoryManifests from "../../src/testing/MemoryManifests.ts"

const API = "http://git.example/api/v1"

/** The issue of every test. */
export const issue: IssueKey = { forge: API, owner: "ada", repo: "cellar", issueNumber: IssueNumber.make(17) }

const target: ForgeTarget = {
  kind: "gitea",
  apiUrl: API,
  token: Redacted.make("0123456789abcdef0123456789abcdef01234567"),
  owner: "ada",
  repo: "cellar",
}

/** The stores of the orchestrator. */
export type LifeStores = History | Inbox | IssueStates | Operations | Outbox | Usage | HomeLease

/** Called before each call of a store or the backend; a test stops an engine there. */
export type Gate = (call: string) => Effect.Effect<void>

/** What differs between tests. */
export interface WorldOptions {
  readonly stores?: Layer.Layer<LifeStores, unknown>
  readonly gate?: Gate
  readonly fail?: FakeBackend.FakeScript["fail"]
  /** What an agent does instead: it is given what it would do. */
  readonly agent?: (
    plan: BottlePlan,
    usual: Effect.Effect<number>,
    world: AgentWorld,
  ) => Effect.Effect<number>
  /** Bottle manifest of the agents; an image and nothing else unless given. */
  readonly bottle?: Partial<BottleManifest>
  /** How often the engine looks at its tables; each 5 seconds unless given. */
  readonly poll?: Duration.DurationInput
  readonly budgets?: ServedRepository["budgets"]
  /** Of the whole service. */
  readonly service?: Partial<typeof ServedRepositories.Service>
  /** How far the forge's clock is ahead of the service's, in milliseconds. */
  readonly forgeAhead?: number
  /** Milliseconds of silence after a comment. */
  readonly settle?: number
  readonly running?: number
  readonly life?: Partial<ServedRepository["life"]>
  /** Numbers of issues beside 17. */
  readonly more?: ReadonlyArray<number>
}

/** What an agent can do. */
export interface AgentWorld {
  readonly sidecar: FakeSidecar.FakeSidecar
}

/** Stores in memory. */
export const memoryStores: Layer.Layer<LifeStores> = Layer.merge(
  MemoryLifeStores.layer,
  MemoryHomeLease.layer,
)

/** Makes a world at a fixed time. Its agents open a pull request in their first run, signal that they are done, and end. */
export const makeWorld = Effect.fnUntraced(function* (options: WorldOptions = {}) {
  yield* TestClock.setTime(Date.parse("2027-01-01T00:00:00Z"))
  const clock = yield* Effect.clock
  const sidecar = yield* FakeSidecar.make
  const forge = yield* FakeForge.make({
    owner: "ada",
    repo: "cellar",
    self: "cellar-bot",
    org: "bot-bottle",
    now: () => clock.unsafeCurrentTimeMillis() + (options.forgeAhead ?? 0),
    branches: ["work"],
    collaborators: { "cellar-bot": "write" },
    orgs: [{ name: "bot-bottle", members: ["cellar-bot"] }],
    issues: [17, ...(options.more ?? [])].map((number) => ({
      number,
      title: `Issue ${number}`,
      body: "Bottles leak.",
      author: "ada",
    })),
  })
  /** Prompts of agents that came to their end, in order. */
  const prompts: Array<string> = []
  const atWork = { now: 0, most: 0 }
  const agent = Effect.fnUntraced(function* (plan: BottlePlan) {
    const slug = Slug.make(plan.slug)
    const at = new Date(yield* Clock.currentTimeMillis).toISOString()
    atWork.now += 1
    atWork.most = Math.max(atWork.most, atWork.now)
    yield* Effect.ensuring(
      Effect.sleep("10 seconds"),
      Effect.sync(() => void (atWork.now -= 1)),
    )
    if (plan.run === 1) {
      const pr = yield* Effect.orDie(forge.forge.openPr({ title: "Mend", body: "", head: "work" }))
      yield* sidecar.push({ version: 1, kind: "pr-opened", slug, number: pr, at })
    }
    yield* sidecar.push({ version: 1, kind: "done", slug, status: "success", summary: "mended", at })
    prompts.push(plan.prompt ?? "")
    return 0
  })
  const played = (plan: BottlePlan) =>
    options.agent === undefined ? agent(plan) : options.agent(plan, agent(plan), { sidecar })
  const fake = yield* FakeBackend.make({
    agent: played,
    ...(options.fail !== undefined && { fail: options.fail }),
  })
  const gate: Gate = options.gate ?? (() => Effect.void)
  const served: ServedRepository = {
    target,
    life: { ...defaultLife, settle: options.settle ?? defaultLife.settle, ...options.life },
    ...(options.budgets !== undefined && { budgets: options.budgets }),
  }
  const layers = Layer.mergeAll(
    FakeBackend.layer({ backend: gated("backend", gate, fake.backend) }),
    gatedStores(gate, options.stores ?? memoryStores),
    Layer.map(MemoryBottleStore.layer, gatedIn(gate, "bottles", BottleStore)),
    Layer.map(MemoryForgeStateStore.layer, gatedIn(gate, "rows", ForgeStateStore)),
    LiveProviders.layer,
    Layer.succeedContext(gatedIn(gate, "sidecar", Sidecar)(sidecar.services)),
    FakeForge.forges(forge),
    MemoryManifests.layer({
      agents: { carpenter: { bottle: "plain", command: ["agent"] } },
      bottles: { plain: { image: "image", backend: "fake", ...options.bottle } },
    }),
    Layer.succeed(
      ServedRepositories,
      Object.defineProperties(
        {
          find: ({ owner, repo }: RepositoryKey) =>
            owner.toLowerCase() === "ada" && repo.toLowerCase() === "cellar"
              ? Option.some(served)
              : Option.none(),
          running: options.running ?? 8,
        },
        // Getters stay getters.
        Object.getOwnPropertyDescriptors(options.service ?? {}),
      ),
    ),
  )
  const context = yield* Layer.build(layers)
  const world = {
    fake,
    sidecar,
    forge,
    prompts,
    atWork,
    context,
    /** Begins to serve, until `close`. */
    serve: Effect.gen(function* () {
      const scope = yield* Scope.make()
      const built = yield* LocalLifeCycleEngine.layer({
        host: HostName.make("host-a"),
        poll: options.poll ?? "5 seconds",
      }).pipe(
        Layer.buildWithScope(scope),
        Effect.provide(context),
        Effect.tapErrorCause(() => Scope.close(scope, Exit.void)),
      )
      return { engine: Context.get(built, LifeCycleEngine), close: Scope.close(scope, Exit.void) }
    }),
  }
  return world
})

/** A world. */
export type World = Effect.Effect.Success<ReturnType<typeof makeWorld>>

/** A hint about an issue, by its id alone. */
export const hint = (id: string, about: IssueKey = issue) =>
  new InboxHint({ id: HintId.make(id), ...about, kind: "issue", receivedAt: 0, detail: {} })

const simIssue = ({ forge }: World, number: number) => {
  const found = forge.repo.issues.get(number)
  if (found === undefined) throw new Error(`there is no #${number}`)
  return found
}

/** Somebody labels an issue and assigns the bot. */
export const targets = (world: World, number = 17) =>
  Effect.sync(() => {
    const it = simIssue(world, number)
    const ada = world.forge.state.ensureUser("ada").id
    actions.setLabel(world.forge.state, it, ada, "bot-bottle:carpenter", true)
    actions.setAssignee(world.forge.state, it, ada, "cellar-bot", true)
  })

/** Somebody takes the label away. */
export const untargets = (world: World, number = 17) =>
  Effect.sync(() => {
    const ada = world.forge.state.ensureUser("ada").id
    actions.setLabel(world.forge.state, simIssue(world, number), ada, "bot-bottle:carpenter", false)
  })

/** Somebody comments now. */
export const says = (world: World, who: string, number: number, body: string) =>
  Effect.sync(() => {
    const at = world.forge.state.now()
    const { comments } = simIssue(world, number)
    const authorId = world.forge.state.ensureUser(who).id
    comments.push({ id: world.forge.state.nextId(), authorId, body, createdAt: at, updatedAt: at })
  })

/** The pull request that the agent opened. */
export const prOf = ({ forge }: World): number =>
  [...forge.repo.issues.values()].find(({ pull }) => pull !== undefined)?.number ?? 0

/** Somebody merges. */
export const merges = (world: World, number: number) =>
  Effect.sync(() =>
    actions.merge(world.forge.state, simIssue(world, number), world.forge.state.ensureUser("ada").id),
  )

/** A service whose calls pass the gate first. */
const gated = <S extends object>(name: string, gate: Gate, service: S): S =>
  new Proxy(service, {
    get: (target, key, receiver) => {
      const value: unknown = Reflect.get(target, key, receiver)
      const call = `${name}.${String(key)}`
      if (typeof value !== "function") return value
      return (...args: ReadonlyArray<unknown>) => {
        const result: unknown = Reflect.apply(value, target, args)
        return Effect.isEffect(result) ? Effect.zipRight(gate(call), result) : result
      }
    },
  })

const gatedIn =
  <I, S extends object>(gate: Gate, name: string, tag: Context.Tag<I, S>) =>
  <R>(context: Context.Context<R | I>): Context.Context<R | I> =>
    Context.add(context, tag, gated(name, gate, Context.get(context, tag)))

const gatedStores = (gate: Gate, stores: Layer.Layer<LifeStores, unknown>) =>
  Layer.map(Layer.orDie(stores), (context) =>
    context.pipe(
      gatedIn(gate, "inbox", Inbox),
      gatedIn(gate, "states", IssueStates),
      gatedIn(gate, "operations", Operations),
    ),
  )

/** What is kept of the issue, without what counts looks. */
export const kept = ({ context }: World, about: IssueKey = issue) =>
  Effect.gen(function* () {
    const stored = yield* (yield* IssueStates).get(about)
    const row = yield* (yield* ForgeStateStore).get(about)
    const bottles = yield* (yield* BottleStore).all
    return {
      phase: Option.getOrNull(Option.map(stored, ({ state }) => state.phase)),
      waits: Option.getOrNull(Option.flatMapNullable(stored, ({ waits }) => waits)),
      generation: Option.getOrNull(Option.map(stored, ({ state }) => state.generation)),
      consumed: Option.match(stored, { onNone: () => 0, onSome: ({ state }) => state.consumed.length }),
      status: Option.getOrNull(Option.map(row, ({ status }) => status)),
      runs: bottles.map(({ run }) => run),
      open: (yield* (yield* Inbox).open(about)).length,
    }
  }).pipe(Effect.provide(context))
