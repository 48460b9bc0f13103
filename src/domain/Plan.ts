/** Makes a plan from manifests: everything a backend needs, as plain data. Pure. */
import { DEFAULT_APPROVALS } from "./AgentRequest.ts"
import { plannedKeys } from "./DeployKey.ts"
import { buildOf, bytesOf } from "./Manifest.ts"
import type { BottlePlan, NeckOpenings, PlanLimits, PullPolicy, RunFile, WorkspaceListing } from "./Bottle.ts"
import type { PlanClone } from "./Clone.ts"
import type { BottleManifest } from "./Manifest.ts"
import type { RunBottle } from "./OwnRepository.ts"
import { allowOf } from "./ProviderRoutes.ts"
import { PROTECTED_PATHS, pushPatterns } from "./PushPolicy.ts"
import type { Slug } from "./Slug.ts"

/** Where an agent works unless its bottle manifest says otherwise. */
export const DEFAULT_WORKDIR = "/workspace"
/** Process limit of a bottle whose manifest sets none. */
export const DEFAULT_PIDS = 1024

/** Inputs of a plan. */
export interface PlanInput {
  readonly slug: Slug
  readonly run: number
  readonly backend: string
  readonly defaultMemoryBytes: number
  readonly bottle: RunBottle
  readonly pull: PullPolicy
  readonly interactive: boolean
  readonly invocation: {
    readonly argv: ReadonlyArray<string>
    readonly env: Readonly<Record<string, string>>
    readonly prompt: string
    readonly files: ReadonlyArray<RunFile>
  }
  readonly workspace?: WorkspaceListing
  readonly clone?: PlanClone | undefined
  /** At a resume: the artifact to start from, if any, and the user of the first launch. */
  readonly earlier?: { readonly artifact?: string; readonly user?: string }
}

/** The plan of a run. */
export const makePlan = (input: PlanInput): BottlePlan => {
  const { bottle, invocation } = input
  const artifact = input.earlier?.artifact
  const keys = plannedKeys(bottle.git)
  const user = input.earlier?.user ?? (bottle.user === undefined ? undefined : String(bottle.user))
  return {
    slug: input.slug,
    backend: input.backend,
    run: input.run,
    image: artifact ?? bottle.image ?? "",
    rehydrate: artifact !== undefined,
    ...(artifact === undefined && bottle.build !== undefined && { build: buildOf(bottle.build) }),
    pull: input.pull,
    ...(user !== undefined && { user }),
    workdir: bottle.workdir ?? DEFAULT_WORKDIR,
    limits: planLimits(bottle, input.defaultMemoryBytes),
    argv: invocation.argv,
    env: { ...texts(bottle.env), ...invocation.env },
    ...(!input.interactive && { prompt: invocation.prompt }),
    files: invocation.files,
    ...(holds(bottle.routes) && { routes: Object.keys(bottle.routes ?? {}) }),
    ...(keys.length > 0 && { keys }),
    interactive: input.interactive,
    ...(input.workspace !== undefined && { workspace: input.workspace }),
    ...(input.clone !== undefined && { clone: input.clone }),
  }
}

/** What the neck of a bottle with this manifest opens. */
export const neckOpenings = (
  slug: Slug,
  { egress, routes = {}, git = {}, approvals = DEFAULT_APPROVALS }: RunBottle,
): NeckOpenings => ({
  approvals,
  egress: egress?.allow ?? [],
  routes: Object.fromEntries(
    Object.entries(routes).map(([name, route]) => {
      const allow = allowOf(name, route)
      return [name, { ...route, ...(allow !== undefined && { allow }) }]
    }),
  ),
  git: Object.fromEntries(
    Object.entries(git).map(([name, upstream]) => [
      name,
      {
        ...upstream,
        push: upstream.push ?? pushPatterns(slug),
        protectedPaths: upstream.protectedPaths ?? PROTECTED_PATHS,
      },
    ]),
  ),
})

/** An empty map is left out. */
const holds = (value: unknown): boolean =>
  typeof value === "object" && value !== null
    ? Object.values(value).some((inner) => !Array.isArray(inner) || inner.length > 0)
    : value !== undefined

const planLimits = (bottle: RunBottle, defaultMemoryBytes: number): PlanLimits => {
  const { memory, pids, cpus, disk, outputBytes, ...others } = bottle.limits ?? {}
  return {
    memoryBytes: memory === undefined ? defaultMemoryBytes : bytesOf(memory),
    pids: pids ?? DEFAULT_PIDS,
    ...(cpus !== undefined && { cpus }),
    ...(disk !== undefined && { diskBytes: bytesOf(disk) }),
    ...(outputBytes !== undefined && { outputBytes: bytesOf(outputBytes) }),
    ...others,
  }
}

const texts = (env: BottleManifest["env"]): Record<string, string> =>
  Object.fromEntries(Object.entries(env ?? {}).map(([name, value]) => [name, String(value)]))
