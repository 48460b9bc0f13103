/** resolveRun: from an agent's name and the caller's options to the manifests, the backend and the agent invocation of a run. */
import { Effect, Option } from "effect"
import { DEFAULT_APPROVALS } from "../domain/AgentRequest.ts"
import type { AssignedForge } from "../domain/Assignment.ts"
import type { BottlePlan, LaunchPlan, ManifestDigest } from "../domain/Bottle.ts"
import { workspaceProblem } from "../domain/Clone.ts"
import { LaunchRefused, NoDefaultBottle } from "../domain/Errors.ts"
import type { AgentManifest } from "../domain/Manifest.ts"
import type { MissingContent } from "../domain/RepositoryContents.ts"
import { forgeOverlay, withOverlay } from "../domain/Overlay.ts"
import { type RunBottle, type RunGit, withOwnRepository } from "../domain/OwnRepository.ts"
import { neckOpenings } from "../domain/Plan.ts"
import { modelRefusal, modelRoutes, routesOf } from "../domain/ProviderRoutes.ts"
import { ownBranch, pushPatterns } from "../domain/PushPolicy.ts"
import { neckLimits } from "../domain/RunLimits.ts"
import type { Slug } from "../domain/Slug.ts"
import type { Backend } from "../services/Backends.ts"
import { Backends } from "../services/Backends.ts"
import { Manifests } from "../services/Manifests.ts"
import { NeckCommands } from "../services/NeckCommands.ts"
import type { AgentInvocation, Provider } from "../services/Providers.ts"
import { Providers } from "../services/Providers.ts"
import type { TriggerOption } from "./options.ts"
import { nothingToVerify } from "./requireVerified.ts"
import { Sidecar, type SidecarConfig } from "../services/Sidecar.ts"

/** The default backend of a bottle. */
export const DEFAULT_BACKEND = "docker"

/** The resolved parts of a run. */
export interface ResolvedRun {
  readonly agent: AgentManifest
  readonly bottles: ReadonlyArray<string>
  /** As in the manifests, with the route to the agent's model and the address of the run's own repository. */
  readonly bottle: RunBottle
  readonly backend: Backend
  /** Digests of the manifests as they were read. */
  readonly manifests: ReadonlyArray<ManifestDigest>
}

/** Resolves the parts of a run. A forge-targeted run reads only the manifests of the home. */
export const resolveRun = Effect.fn("resolveRun")(function* (request: {
  readonly agent: string
  readonly bottles: ReadonlyArray<string>
  readonly backend: string | undefined
  readonly cwd: string | undefined
  readonly forge: AssignedForge | undefined
}) {
  const manifests = yield* Manifests
  const scope = {
    homeOnly: request.forge !== undefined,
    ...(request.cwd !== undefined && { cwd: request.cwd }),
  }
  const agent = yield* manifests.agent(request.agent, scope)
  const bottles = request.bottles.length > 0 ? request.bottles : Option.toArray(agent.bottle)
  if (bottles.length === 0) return yield* new NoDefaultBottle({ agent: agent.name })
  const manifest = yield* manifests.bottle(bottles, scope)
  const misplaced = workspaceProblem(manifest, bottles)
  if (misplaced !== undefined) return yield* misplaced
  const bottle = yield* withOwnRepository(manifest, yield* placeOf(request.forge))
  const backend = yield* (yield* Backends).get(request.backend ?? bottle.backend ?? DEFAULT_BACKEND)
  const unproven = bottle.verify === "required" ? nothingToVerify(backend) : undefined
  if (unproven !== undefined) {
    return yield* new LaunchRefused({ reason: `verify: required, and ${unproven}` })
  }
  const unreachable = modelRefusal(agent, bottle, backend)
  if (Option.isSome(unreachable)) return yield* unreachable.value
  return {
    agent,
    bottles,
    bottle: { ...bottle, routes: routesOf(agent, bottle) },
    backend,
    manifests: yield* manifests.digests(agent.name, bottles, scope),
  } satisfies ResolvedRun
})

const placeOf = Effect.fnUntraced(function* (forge: AssignedForge | undefined) {
  if (forge === undefined) return undefined
  const { target, assignment } = forge
  const webUrl = yield* (yield* Sidecar).webUrl(target)
  return { webUrl, owner: target.owner, repo: target.repo, base: assignment.base }
})

/** How to invoke the agent of a run. The forge overlay is put before the prompt, never into the manifest. */
export const invocationOf = Effect.fn("invocationOf")(function* (
  run: ResolvedRun,
  how: keyof Provider,
  given: {
    readonly slug: Slug
    readonly prompt: string
    readonly forge: AssignedForge | undefined
    /** What the clone of the run's own repository does not have. */
    readonly missing?: ReadonlyArray<MissingContent>
  },
) {
  const provider = yield* (yield* Providers).get(run.agent.provider)
  const calls = yield* NeckCommands
  const input = {
    manifest: run.agent,
    prompt:
      given.forge === undefined
        ? given.prompt
        : withOverlay(
            given.prompt,
            forgeOverlay({
              ...overlayOf(given.slug, run.bottle, given.forge),
              missing: given.missing ?? [],
              calls,
            }),
          ),
    neck: Option.getOrElse(run.backend.neck, () => ""),
    forge: given.forge !== undefined,
  }
  return provider[how](input) satisfies AgentInvocation
})

/** A plan with everything that an operator agrees to. */
export const launchPlan = (
  plan: BottlePlan,
  { agent, bottles, bottle, backend }: ResolvedRun,
): LaunchPlan => ({
  ...plan,
  agent: agent.name,
  bottles,
  isolated: Option.isNone(backend.warning),
  neck: neckOpenings(plan.slug, bottle),
  ...(bottle.verify !== undefined && { verify: bottle.verify }),
})

/** What the sidecar of a run serves; `number` is that of the run. */
export const sidecarConfig = (
  slug: Slug,
  run: Pick<ResolvedRun, "agent" | "bottle" | "backend">,
  forge: AssignedForge | undefined,
  number = 1,
): SidecarConfig => ({
  slug,
  run: number,
  limits: neckLimits(run.bottle.limits),
  ...(forge !== undefined && { forge }),
  push: pushPatterns(slug),
  routes: run.bottle.routes ?? {},
  modelRoutes: modelRoutes(run.agent, run.bottle.routes ?? {}),
  egress: run.bottle.egress ?? { allow: [] },
  approvals: run.bottle.approvals ?? DEFAULT_APPROVALS,
  git: withBase(run.bottle),
  loopback: run.backend.needsLoopback,
})

/** The same with the trace of the run, if it has one. */
export const withTrace = (config: SidecarConfig, { traceparent }: TriggerOption): SidecarConfig =>
  traceparent === undefined ? config : { ...config, traceparent }

/** The ref that a workspace starts from is the base of pushes from it, unless the manifest names another base. */
const withBase = ({ git = {}, workspace }: RunBottle): RunGit => {
  const entry = workspace === undefined ? undefined : git[workspace.git]
  return workspace?.ref === undefined || entry === undefined
    ? git
    : { ...git, [workspace.git]: { base: workspace.ref, ...entry } }
}

/** A bottle without a git upstream can push nothing. */
const overlayOf = (slug: Slug, bottle: RunBottle, { assignment }: AssignedForge) => ({
  issueNumber: assignment.issueNumber,
  approvals: bottle.approvals ?? DEFAULT_APPROVALS,
  prNumbers: [...(assignment.prNumbers ?? []), ...(assignment.openedPrs ?? [])],
  ...(Object.keys(bottle.git ?? {}).length > 0 && {
    branch: ownBranch(slug),
    repositories: Object.keys(bottle.git ?? {}),
    otherPush: Object.entries(bottle.git ?? {}).flatMap(([name, { push }]) =>
      push === undefined ? [] : [{ name, refs: push }],
    ),
    afterApproval: Object.entries(bottle.git ?? {}).flatMap(([name, { pushAfter }]) =>
      pushAfter === undefined ? [] : [name],
    ),
  }),
  ...(bottle.workspace !== undefined && { clone: bottle.workspace.git }),
})
