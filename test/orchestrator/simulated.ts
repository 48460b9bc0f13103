/** The whole service over a simulated Gitea: webhooks and REST over HTTP, agents in a backend in memory, all in real time. */
import { Context, Effect, Exit, Layer, Option, Redacted, Schedule, Scope, Stream } from "effect"
import type { BottlePlan } from "../../src/domain/Bottle.ts"
import type { QueueEvent } from "../../src/domain/QueueEvent.ts"
import { decodeConfiguration } from "../../src/domain/orchestrator/ConfigurationFile.ts"
import { IssueNumber } from "../../src/domain/orchestrator/IssueKey.ts"
import type { ServiceEvent } from "../../src/domain/orchestrator/ServiceEvent.ts"
import type { StoredIssue } from "../../src/domain/orchestrator/StoredIssue.ts"
import { Slug } from "../../src/domain/Slug.ts"
import * as GiteaForges from "../../src/layers/gitea/GiteaForges.ts"
import * as MemoryBottleStore from "../../src/layers/memory/MemoryBottleStore.ts"
import * as MemoryForgeStateStore from "../../src/layers/memory/MemoryForgeStateStore.ts"
import * as MemoryOrchestratorStores from "../../src/layers/memory/MemoryOrchestratorStores.ts"
import * as LiveProviders from "../../src/layers/providers/LiveProviders.ts"
import * as Orchestrator from "../../src/orchestrator/Orchestrator.ts"
import { Forges } from "../../src/services/Forges.ts"
import { IssueStates } from "../../src/services/IssueStates.ts"
import { LifeCycleEngine } from "../../src/services/LifeCycleEngine.ts"
import { OperationLogs } from "../../src/services/OperationLogs.ts"
import { Usage } from "../../src/services/Usage.ts"
import * as GiteaSimulator from "../../src/simulator/GiteaSimulator.ts"
import * as FakeBackend from "../../src/testing/FakeBackend.ts"
import * as FakeSidecar from "../../src/testing/FakeSidecar.ts"
import * as MemoryManifests from "../../src/testing/MemoryManifests.ts"

const TOKEN = "89abcdef0123456789abcdef0123456789abcdef"
const SECRET = Redacted.make("hook-secret-0123456789")
const repository = { owner: "ada", repo: "cellar" }

/** Number `number` of the repository. */
export const at = (number: number) => ({ ...repository, number })

const numberOf = ({ prompt = "" }: BottlePlan): string => /#(\d+)/.exec(prompt)?.[1] ?? ""

/** How long something may take under load. */
const SOON = "40 seconds"

/** Options of {@link makeSimulated}. */
export interface SimulatedOptions {
  /** Keys of the configuration. */
  readonly more?: object
  /** Tokens by their key in the configuration. */
  readonly tokens?: Readonly<Record<string, string>>
  /** Numbers of the issues; 17 unless given. */
  readonly issues?: ReadonlyArray<number>
  /** What an agent does after its work, before it signals that it is done. */
  readonly work?: (
    plan: BottlePlan,
    sim: GiteaSimulator.GiteaSimulator,
    output: FakeBackend.FakeAgentIo,
  ) => Effect.Effect<void>
}

/** Serves; each agent pushes a commit, opens its pull request in its first run, signals that it is done, and ends. */
export const makeSimulated = Effect.fnUntraced(function* (options: SimulatedOptions = {}) {
  const { more = {}, tokens = {}, issues = [17], work = () => Effect.void } = options
  const sim = yield* GiteaSimulator.make({
    users: [{ login: "bot", token: TOKEN }, { login: "helper" }, { login: "ada" }, { login: "eve" }],
    orgs: [{ name: "bot-bottle", members: ["bot", "helper"] }],
    repos: [
      {
        owner: "ada",
        name: "cellar",
        collaborators: { bot: "write", helper: "write" },
        branches: issues.map((number) => `work-${number}`),
        issues: issues.map((number) => ({
          number,
          title: `Issue ${number}`,
          body: "It leaks.",
          author: "ada",
        })),
      },
    ],
  })
  const sidecar = yield* FakeSidecar.make
  const prompts: Array<string> = []
  const events: Array<ServiceEvent> = []
  const operationLog = { text: "" }
  const target = { kind: "gitea" as const, apiUrl: sim.apiUrl, token: Redacted.make(TOKEN), ...repository }
  const agent = (plan: BottlePlan, output: FakeBackend.FakeAgentIo) =>
    Effect.gen(function* () {
      const slug = Slug.make(plan.slug)
      const head = `work-${numberOf(plan)}`
      const say = (event: Record<string, unknown>) =>
        sidecar.push({ version: 1, slug, at: new Date().toISOString(), ...event } as QueueEvent)
      prompts.push(plan.prompt ?? "")
      const branch = plan.run === 1 ? head : (branches.get(slug) ?? head)
      branches.set(slug, branch)
      yield* sim.as("bot").push(repository, branch)
      if (
        plan.run === 1 &&
        sim.state.repo("ada", "cellar")?.issues.get(Number(numberOf(plan)))?.pull === undefined
      ) {
        const api = yield* Effect.flatMap(Forges, (forges) => forges.of(target, {}))
        const number = yield* api.openPr({ title: `Mend ${branch}`, body: "", head: branch })
        yield* say({ kind: "pr-opened", number })
      }
      yield* work(plan, sim, output)
      yield* say({ kind: "done", status: "success", summary: "mended" })
      return 0
    }).pipe(Effect.provide(GiteaForges.layer), Effect.orDie)
  const branches = new Map<string, string>()
  const { backend } = yield* FakeBackend.make({ agent })
  const configuration = yield* decodeConfiguration("orchestrator.yaml", {
    forge: { api: sim.apiUrl, token: { env: "T" } },
    repositories: { "ada/*": null },
    listen: "127.0.0.1:0",
    webhook: { secret: { env: "S" } },
    settle: "300 millis",
    sweep: "1 hour",
    ...more,
  })
  const context = yield* Layer.build(
    Layer.mergeAll(
      FakeBackend.layer({ backend }),
      MemoryOrchestratorStores.layer,
      MemoryBottleStore.layer,
      MemoryForgeStateStore.layer,
      LiveProviders.layer,
      Layer.succeedContext(
        Context.add(sidecar.services, OperationLogs, {
          ...Context.get(sidecar.services, OperationLogs),
          bytes: (_, from = 0) => Stream.make(Buffer.from(operationLog.text).subarray(from)),
        }),
      ),
      GiteaForges.layer,
      MemoryManifests.layer({
        agents: { carpenter: { bottle: "plain", command: ["agent"] } },
        bottles: { plain: { image: "image", backend: "fake" } },
      }),
    ),
  )
  const serve = Effect.gen(function* () {
    const scope = yield* Scope.make()
    yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
    let listening = ""
    const built = yield* Orchestrator.layer({
      configuration,
      secrets: {
        token: Redacted.make(TOKEN),
        webhook: SECRET,
        at: (key) => (tokens[key] === undefined ? undefined : Redacted.make(tokens[key])),
      },
      host: "host-a",
      poll: "50 millis",
      dashboard: "dist/dashboard",
      observe: (event) =>
        Effect.sync(() => {
          events.push(event)
          if (event._tag === "Serving") listening = event.listening ?? ""
        }),
    }).pipe(Layer.buildWithScope(scope), Effect.provide(context))
    const hooks = yield* Effect.flatMap(Forges, (forges) => forges.hooks(target)).pipe(
      Effect.provide(context),
    )
    const repo = sim.state.repo("ada", "cellar")
    repo?.hooks.splice(0)
    repo?.collaborators.set("bot", "admin")
    yield* hooks.create(repository, { url: `http://${listening}/webhook`, secret: SECRET })
    repo?.collaborators.set("bot", "write")
    return { engine: Context.get(built, LifeCycleEngine), listening, close: Scope.close(scope, Exit.void) }
  })
  const of = (number: number) => ({ forge: sim.apiUrl, ...repository, issueNumber: IssueNumber.make(number) })
  const stateOf = (number: number) =>
    Effect.flatMap(IssueStates, (states) => states.get(of(number))).pipe(
      Effect.map(Option.getOrUndefined),
      Effect.provide(context),
    )
  const ada = sim.as("ada")
  return {
    sim,
    ada,
    prompts,
    /** Adds a request of a bottle's agent. */
    request: sidecar.request,
    /** The operation log of every bottle. */
    operationLog,
    /** What its services reported. */
    events,
    /** The stores and the rest that outlive a service. */
    context,
    serve,
    stateOf,
    used: Effect.provide(
      Effect.flatMap(Usage, ({ total }) => total({})),
      context,
    ),
    target: (number: number) =>
      Effect.zipRight(ada.label(at(number), "bot-bottle:carpenter"), ada.assign(at(number), "bot")),
    prOf: (number: number) =>
      [...(sim.state.repo("ada", "cellar")?.issues.values() ?? [])].find(
        ({ pull }) => pull?.head === `work-${number}`,
      )?.number ?? 0,
    /** Waits until an issue is so. */
    until: (number: number, is: (row: StoredIssue) => boolean) =>
      Effect.repeat(stateOf(number), {
        until: (row) => row !== undefined && is(row),
        schedule: Schedule.spaced("50 millis"),
      }).pipe(Effect.timeout(SOON), Effect.zipRight(stateOf(number))),
  }
})
