/** From manifests to a plan: everything a backend needs, as plain data, made without looking at anything. */
import { plannedKeys } from "./DeployKey.ts"
import { buildOf, bytesOf } from "./Manifest.ts"
import type { BottlePlan, PlanLimits, PullPolicy, RunFile, WorkspaceListing } from "./Bottle.ts"
import type { PlanClone } from "./Clone.ts"
import type { BottleManifest } from "./Manifest.ts"
import type { Slug } from "./Slug.ts"

/** Where an agent works unless its bottle manifest says otherwise. */
export const DEFAULT_WORKDIR = "/workspace"
/** Processes in a bottle whose manifest names no limit. */
export const DEFAULT_PIDS = 1024

/** What a plan is made from. */
export interface PlanInput {
  readonly slug: Slug
  readonly run: number
  readonly backend: string
  readonly defaultMemoryBytes: number
  readonly bottle: BottleManifest
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
  /** At a resume: the artifact to start from, if there is one, and the user of the first launch. */
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

/** An empty map asks for nothing. */
const holds = (value: unknown): boolean =>
  typeof value === "object" && value !== null
    ? Object.values(value).some((inner) => !Array.isArray(inner) || inner.length > 0)
    : value !== undefined

const planLimits = (bottle: BottleManifest, defaultMemoryBytes: number): PlanLimits => {
  const limits = bottle.limits ?? {}
  return {
    memoryBytes: limits.memory === undefined ? defaultMemoryBytes : bytesOf(limits.memory),
    pids: limits.pids ?? DEFAULT_PIDS,
    ...(limits.cpus !== undefined && { cpus: limits.cpus }),
    ...(limits.disk !== undefined && { diskBytes: bytesOf(limits.disk) }),
    ...(limits.outputBytes !== undefined && { outputBytes: bytesOf(limits.outputBytes) }),
  }
}

const texts = (env: BottleManifest["env"]): Record<string, string> =>
  Object.fromEntries(Object.entries(env ?? {}).map(([name, value]) => [name, String(value)]))
