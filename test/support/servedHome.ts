/** A home of a test's own that the orchestrator serves over real parts: docker, sidecars as processes, SQLite, and a simulated Gitea over HTTP. */
import { Context, Effect, Exit, Layer, Option, Redacted, Schedule, Scope } from "effect"
import SqliteDatabase from "better-sqlite3"
import type { BottleMetadata } from "../../src/domain/Bottle.ts"
import type { IssueState } from "../../src/domain/orchestrator/IssueState.ts"
import { HintId, InboxHint } from "../../src/domain/orchestrator/InboxHint.ts"
import { type IssueKey, IssueNumber } from "../../src/domain/orchestrator/IssueKey.ts"
import { defaultLife } from "../../src/domain/orchestrator/LifeSettings.ts"
import { HostName } from "../../src/domain/orchestrator/StoredOperation.ts"
import { forgeAddress } from "../../src/domain/ForgeAddress.ts"
import type { ForgeTarget } from "../../src/domain/ForgeTarget.ts"
import * as LiveBackends from "../../src/layers/backends.ts"
import * as DockerBackend from "../../src/layers/docker/DockerBackend.ts"
import * as GiteaForges from "../../src/layers/gitea/GiteaForges.ts"
import { Home, homeAt } from "../../src/layers/home/Home.ts"
import * as FileManifests from "../../src/layers/manifests/FileManifests.ts"
import * as NodeProcessRunner from "../../src/layers/process/NodeProcessRunner.ts"
import * as LiveProviders from "../../src/layers/providers/LiveProviders.ts"
import * as SidecarProcess from "../../src/layers/sidecar/SidecarProcess.ts"
import * as SqliteBottleStore from "../../src/layers/sqlite/SqliteBottleStore.ts"
import * as SqliteForgeStateStore from "../../src/layers/sqlite/SqliteForgeStateStore.ts"
import * as SqliteHomeLease from "../../src/layers/sqlite/SqliteHomeLease.ts"
import * as LocalLifeCycleEngine from "../../src/orchestrator/engine/LocalLifeCycleEngine.ts"
import { ServedRepositories, type ServedRepository } from "../../src/orchestrator/ServedRepositories.ts"
import { destroy } from "../../src/programs/destroy.ts"
import { BottleStore } from "../../src/services/BottleStore.ts"
import { IssueStates } from "../../src/services/IssueStates.ts"
import { LifeCycleEngine } from "../../src/services/LifeCycleEngine.ts"
import * as actions from "../../src/simulator/actions.ts"
import * as GiteaSimulator from "../../src/simulator/GiteaSimulator.ts"
import { stores } from "./lifeStores.ts"
import { type Tree, writeTree } from "./manifests.ts"
import { tempDir } from "./tempDir.ts"

const TOKEN = "0123456789abcdef0123456789abcdef01234567"

/** What is known of the issue at one time. */
export interface Seen {
  readonly bottle: BottleMetadata | undefined
  readonly state: IssueState | undefined
}

/** What differs between homes. */
export interface ServedHomeOptions {
  /** Manifests by path; issues are for the agent `worker`. */
  readonly manifests: Tree
  /** The bottle manifest `plain`, where it names a file of the home. */
  readonly bottle?: (root: string) => string
  readonly env: Readonly<Record<string, string>>
  readonly life?: Partial<ServedRepository["life"]>
}

/** Makes a home and its forge; its bottles are destroyed with the scope. */
export const servedHome = Effect.fnUntraced(function* (options: ServedHomeOptions) {
  const root = yield* tempDir
  writeTree(root, options.manifests)
  if (options.bottle !== undefined) writeTree(root, { "bottles/plain.yaml": options.bottle(root) })
  const sim = yield* GiteaSimulator.make({
    users: [{ login: "bot", token: TOKEN }, { login: "ada" }],
    orgs: [{ name: "bot-bottle", members: ["bot"] }],
    repos: [
      {
        owner: "ada",
        name: "cellar",
        collaborators: { bot: "write" },
        issues: [{ number: 17, title: "The door", body: "It does not close.", author: "ada" }],
      },
    ],
  })
  const target: ForgeTarget = {
    kind: "gitea",
    apiUrl: sim.apiUrl,
    token: Redacted.make(TOKEN),
    owner: "ada",
    repo: "cellar",
  }
  const served: ServedRepository = { target, life: { ...defaultLife, ...options.life } }
  const home = homeAt(root)
  const database = { filename: home.database }
  const layers = Layer.mergeAll(
    FileManifests.layer,
    LiveProviders.layer,
    LiveBackends.layer({ docker: DockerBackend.makeWith({ env: { ...process.env, ...options.env } }) }),
    SidecarProcess.layer,
    SqliteBottleStore.layer(database),
    SqliteForgeStateStore.layer(database),
    SqliteHomeLease.layer(database),
    stores(database),
    GiteaForges.layer,
    Layer.succeed(ServedRepositories, { find: () => Option.some(served), running: 8 }),
  ).pipe(Layer.provideMerge(NodeProcessRunner.layer), Layer.provideMerge(Layer.succeed(Home, home)))
  const context = yield* Layer.build(layers)
  yield* Effect.addFinalizer(() =>
    Effect.flatMap(BottleStore, ({ all }) => all).pipe(
      Effect.flatMap(Effect.forEach(({ slug }) => destroy(slug))),
      Effect.ignoreLogged,
      Effect.provide(context),
    ),
  )
  const issue: IssueKey = {
    forge: Option.getOrThrow(forgeAddress(sim.apiUrl)),
    owner: "ada",
    repo: "cellar",
    issueNumber: IssueNumber.make(17),
  }
  const it = sim.state.issue("ada", "cellar", 17)
  if (it === undefined) return yield* Effect.dieMessage("there is no #17")
  const ada = sim.state.ensureUser("ada").id

  const bottle = Effect.map(
    Effect.flatMap(BottleStore, ({ all }) => all),
    ([row]) => row,
  )
  const state = Effect.map(
    Effect.flatMap(IssueStates, (states) => states.get(issue)),
    Option.map(({ state }) => state),
  )
  /** What is known of the issue. */
  const now: Effect.Effect<Seen, unknown> = Effect.all({
    bottle,
    state: Effect.map(state, Option.getOrUndefined),
  }).pipe(Effect.provide(context))

  return {
    root,
    home,
    issue,
    now,
    context,
    labels: Effect.sync(() => {
      actions.setLabel(sim.state, it, ada, "bot-bottle:worker", true)
      actions.setAssignee(sim.state, it, ada, "bot", true)
    }),
    hint: (id: string) =>
      new InboxHint({ id: HintId.make(id), ...issue, kind: "issue", receivedAt: 0, detail: {} }),
    /** Looks until it is so; fails after two minutes with what it saw last. */
    until: (is: (seen: Seen) => boolean) =>
      now.pipe(
        Effect.repeat({ until: is, schedule: Schedule.spaced("200 millis") }),
        Effect.timeout("2 minutes"),
        Effect.tapError(() => Effect.flatMap(now, (seen) => Effect.logError("not so", seen))),
        Effect.orDie,
        Effect.zipRight(now),
      ),
    /** The operations so far, each with its cause and how it ended. */
    operations: Effect.sync(() => {
      const sqlite = new SqliteDatabase(home.database, { readonly: true })
      const rows = sqlite
        .prepare("SELECT kind, json_extract(input, '$.cause') AS cause, state FROM operations ORDER BY seq")
        .all() as ReadonlyArray<{ kind: string; cause: string | null; state: string }>
      sqlite.close()
      return rows.map(({ kind, cause, state }) =>
        [kind, cause ?? "", state === "done" ? "" : state].filter((word) => word !== "").join(" "),
      )
    }),
    /** Begins to serve, until `close`. */
    serve: Effect.gen(function* () {
      const scope = yield* Scope.make()
      const built = yield* LocalLifeCycleEngine.layer({ host: HostName.make("host-a") }).pipe(
        Layer.buildWithScope(scope),
        Effect.provide(context),
      )
      const close = Scope.close(scope, Exit.void)
      yield* Effect.addFinalizer(() => close)
      return { engine: Context.get(built, LifeCycleEngine), close }
    }),
  }
})
