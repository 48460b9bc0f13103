/**
 * FakeSidecar provides Sidecar and the services about its files in memory, for tests of programs: nothing is served, and the test plays
 * the agent.
 */
import { Clock, Context, Effect, Layer, Option, Stream } from "effect"
import type { BottleRequest } from "../domain/AgentRequest.ts"
import type { RunKey } from "../domain/DeployKey.ts"
import type { QueueEvent } from "../domain/QueueEvent.ts"
import { neckLimits } from "../domain/RunLimits.ts"
import type { RunMeter } from "../domain/usage/RunMeter.ts"
import { Slug } from "../domain/Slug.ts"
import { SidecarError } from "../domain/Errors.ts"
import { emptyAudit } from "../sidecar/record/auditFile.ts"
import * as MemorySignatures from "../layers/signing/MemorySignatures.ts"
import { giteaVariables, webUrl } from "../layers/gitea/GiteaForgeConfig.ts"
import { BottleEvents } from "../services/BottleEvents.ts"
import { DeployKeys } from "../services/DeployKeys.ts"
import { ObjectStores } from "../services/ObjectStores.ts"
import { OperationLogs } from "../services/OperationLogs.ts"
import { Requests } from "../services/Requests.ts"
import { type LeftRun, RunDirectories } from "../services/RunDirectories.ts"
import { Signatures } from "../services/Signatures.ts"
import { Sidecar, type SidecarConfig, type SidecarHandle } from "../services/Sidecar.ts"
import type { SidecarServices } from "../services/SidecarServices.ts"

/** A Sidecar in memory. */
export interface FakeSidecar {
  readonly sidecar: typeof Sidecar.Service
  /** All services that it replaces, as one layer. */
  readonly services: Context.Context<SidecarServices>
  /** In order. */
  readonly launches: ReadonlyArray<SidecarConfig>
  /** How often a process was to be prepared. */
  readonly prepared: Effect.Effect<number>
  /** Adds an event to its slug's queue, as the agent's calls do, and returns its number. */
  readonly push: (event: QueueEvent) => Effect.Effect<number>
  /** Records that the agent calls its neck now. */
  readonly checkIn: (slug: string) => Effect.Effect<void>
  /** Leftover deploy keys. `revokeKey` removes them when it is given a token. */
  readonly keys: Array<RunKey>
  /** Stores of upstream objects that nobody borrows from, with their last use. */
  readonly stores: Map<string, number>
  /** Run directories, by name. */
  readonly runs: Map<string, LeftRun>
  /** Counts what a run of the bottle has used, in place of what was counted of it before; run 1 unless given. */
  readonly count: (slug: string, use: RunMeter, run?: number) => Effect.Effect<void>
  /** Adds a request of a bottle's agent, or replaces the one with its ID. */
  readonly request: (request: BottleRequest) => Effect.Effect<void>
  /** Makes the sidecar die. */
  readonly kill: (slug: string) => Effect.Effect<void>
}

interface Kept {
  alive: boolean
  since: number
  checkedIn: string | undefined
  readonly use: Map<number, RunMeter>
  newest: number
  readonly events: Map<number, QueueEvent>
}

/** A Sidecar in memory. It reads FORGE_* variables as the real ones do. */
export const make: Effect.Effect<FakeSidecar> = Effect.sync(() => {
  const bySlug = new Map<string, Kept>()
  const launches: Array<SidecarConfig> = []
  let prepared = 0
  const keys: Array<RunKey> = []
  const stores = new Map<string, number>()
  const runs = new Map<string, LeftRun>()
  const requests = new Map<string, BottleRequest>()
  const of = (slug: string): Kept => {
    const known = bySlug.get(slug)
    if (known !== undefined) return known
    const fresh: Kept = {
      alive: false,
      since: 0,
      checkedIn: undefined,
      use: new Map(),
      newest: 0,
      events: new Map(),
    }
    bySlug.set(slug, fresh)
    return fresh
  }
  const handle = (slug: Slug): SidecarHandle => ({
    slug,
    socketPath: `/fake/${slug}/neck.sock`,
    alive: Effect.sync(() => of(slug).alive),
    stop: Effect.sync(() => void (of(slug).alive = false)),
  })
  const push = (event: QueueEvent) =>
    Effect.sync(() => {
      const kept = of(event.slug)
      kept.newest += 1
      kept.events.set(kept.newest, event)
      return kept.newest
    })
  const sidecar = Sidecar.of({
    variables: giteaVariables,
    webUrl: ({ apiUrl }) => Effect.succeed(webUrl(apiUrl)),
    check: () => Effect.void,
    prepare: Effect.sync(() => void (prepared += 1)),
    launch: (config) =>
      Effect.gen(function* () {
        launches.push(config)
        const kept = of(config.slug)
        kept.alive = true
        kept.since = yield* Clock.currentTimeMillis
        return handle(config.slug)
      }),
    find: (slug) => Effect.sync(() => (of(slug).alive ? Option.some(handle(slug)) : Option.none())),
    list: Effect.sync(() =>
      [...bySlug].flatMap(([slug, { alive, since }]) =>
        alive ? [{ ...handle(Slug.make(slug)), since }] : [],
      ),
    ),
  })
  const events = BottleEvents.of({
    events: (slug) => Effect.sync(() => [...of(slug).events].map(([number, event]) => ({ number, event }))),
    append: push,
    settle: (slug, number) => Effect.sync(() => void of(slug).events.delete(number)),
    lastCheckin: (slug) => Effect.sync(() => Option.fromNullable(of(slug).checkedIn)),
    comments: (slug) =>
      Effect.sync(() =>
        Option.map(
          Option.fromNullable(launches.findLast((config) => config.slug === slug)),
          ({ limits }) => ({ used: 0, limit: neckLimits(limits).comments }),
        ),
      ),
    use: (slug, run) => Effect.sync(() => Option.fromNullable(of(slug).use.get(run))),
  })
  const asked = Requests.of({
    all: (slug) =>
      Effect.sync(() => [...requests.values()].filter((it) => slug === undefined || it.slug === slug)),
    decide: (_, decision) =>
      Effect.sync(() => {
        const request = requests.get(decision.id)
        if (request === undefined || request.decision !== undefined) return false
        requests.set(decision.id, { ...request, decision })
        return true
      }),
  })
  const logs = OperationLogs.of({
    verifyLog: () => Effect.succeed(emptyAudit().verdict),
    log: () => Effect.succeed([]),
    audit: (_, request) => Effect.succeed(emptyAudit(request?.ends)),
    bytes: () => Stream.empty,
    keep: () => Effect.void,
    forget: () => Effect.void,
    auditExport: (path) =>
      Effect.fail(
        new SidecarError({
          slug: "*",
          operation: "reading a provenance file",
          reason: `there is no ${path}`,
        }),
      ),
  })
  const deployKeys = DeployKeys.of({
    leftKeys: Effect.sync(() => [...keys]),
    revokeKey: (key) =>
      Effect.sync(() => {
        keys.splice(0, keys.length, ...keys.filter(({ name }) => name !== key.name))
      }),
  })
  const objectStores = ObjectStores.of({
    unusedStores: Effect.sync(() => [...stores].map(([name, since]) => ({ name, since }))),
    removeStore: (name) => Effect.sync(() => stores.delete(name)),
  })
  const directories = RunDirectories.of({
    leftRuns: (slugs) =>
      Effect.sync(() => [...runs.values()].filter(({ slug }) => !slugs.some((known) => known === slug))),
    outputs: Effect.succeed([]),
    removeOutput: () => Effect.void,
    removeRun: (name) => Effect.sync(() => void runs.delete(name)),
    clear: () => Effect.void,
    forget: (slug) => Effect.sync(() => void bySlug.delete(slug)),
  })
  return {
    sidecar,
    services: Context.make(Sidecar, sidecar).pipe(
      Context.add(BottleEvents, events),
      Context.add(OperationLogs, logs),
      Context.add(DeployKeys, deployKeys),
      Context.add(ObjectStores, objectStores),
      Context.add(Requests, asked),
      Context.add(RunDirectories, directories),
      Context.add(Signatures, MemorySignatures.make()),
    ),
    launches,
    prepared: Effect.sync(() => prepared),
    keys,
    stores,
    runs,
    push,
    checkIn: (slug) =>
      Effect.map(Clock.currentTimeMillis, (now) => void (of(slug).checkedIn = new Date(now).toISOString())),
    count: (slug, use, run = 1) => Effect.sync(() => void of(slug).use.set(run, use)),
    request: (request) => Effect.sync(() => void requests.set(request.id, request)),
    kill: (slug) => Effect.sync(() => void (of(slug).alive = false)),
  }
})

/** Sidecars in memory, and their files; use `make` to control them. */
export const layer: Layer.Layer<SidecarServices> = Layer.effectContext(
  Effect.map(make, ({ services }) => services),
)
