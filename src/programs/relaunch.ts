/** relaunch: starts a bottle again from where it stopped, with a new prompt. It returns when the agent runs. */
import { Effect, Option, Ref } from "effect"
import type { AssignedForge } from "../domain/Assignment.ts"
import type { BottleMetadata, LaunchPlan } from "../domain/Bottle.ts"
import { cloneOf } from "../domain/Clone.ts"
import { BackendFailure, BottleBusy, BottleNotFound, BottleRunning, LaunchRefused } from "../domain/Errors.ts"
import { makePlan } from "../domain/Plan.ts"
import type { Slug } from "../domain/Slug.ts"
import type { Backend } from "../services/Backends.ts"
import { Backends } from "../services/Backends.ts"
import { BottleStore } from "../services/BottleStore.ts"
import { RunDirectories } from "../services/RunDirectories.ts"
import { Sidecar } from "../services/Sidecar.ts"
import { assignedForge } from "./assignedForge.ts"
import { attest } from "./attest.ts"
import { bottleBackend } from "./bottleBackend.ts"
import { bottleState, halfDestroyed, lastRun, lostArtifact } from "./bottleState.ts"
import { bringUp } from "./bringUp.ts"
import { nowIso } from "./clock.ts"
import { agreeToKeys } from "./deployKeys.ts"
import { stopSidecar } from "./discard.ts"
import { changeForgeRows } from "./forgeRows.ts"
import { freezeBottle } from "./freeze.ts"
import type { HeadlessResumeOptions, ResumeOptions } from "./options.ts"
import { checkPrompt } from "./options.ts"
import { parseSlug } from "./parseSlug.ts"
import type { ResolvedRun } from "./resolveRun.ts"
import { invocationOf, launchPlan, resolveRun, sidecarConfig, withTrace } from "./resolveRun.ts"

/** A resume that was checked and is possible. */
export interface PreparedResume {
  readonly run: ResolvedRun
  readonly bottle: BottleMetadata
  readonly options: ResumeOptions
  /** Decoded from the options. */
  readonly forge: AssignedForge | undefined
  readonly prompt: Option.Option<string>
  /** Whether its agent has ended and is not frozen yet: it is then frozen first. */
  readonly exited: boolean
  /** The newest run that began; 0: none. */
  readonly last: number
}

/**
 * Starts a bottle again with a new prompt and returns its slug when the agent runs; `awaitExit` waits for its end. Bottle manifests,
 * working directory and identity stay the same. The sidecar is launched anew with the given forge. A relaunch that fails or is
 * interrupted before that leaves the bottle as it was, or frozen if its agent had ended.
 */
export const relaunch = Effect.fn("relaunch")(function* (name: string, options: HeadlessResumeOptions) {
  return yield* performResume(yield* prepareResume(name, options, Option.some(options.prompt)))
})

/** Looks up and checks everything that a resume needs. Without a prompt it is an interactive resume. Changes nothing. */
export const prepareResume = Effect.fn("prepareResume")(function* (
  name: string,
  options: ResumeOptions,
  prompt: Option.Option<string>,
) {
  if (Option.isSome(prompt)) yield* checkPrompt(prompt.value)
  const slug = yield* parseSlug(name)
  const store = yield* BottleStore
  const found = yield* store.get(slug)
  if (Option.isNone(found)) return yield* new BottleNotFound({ slug })
  const bottle = found.value
  const { spec } = bottle
  yield* bottleBackend(bottle, options.backend)
  const { operation } = yield* store.leases(slug)
  if (operation !== undefined) {
    return yield* new BottleBusy({ slug, operation: operation.name, pid: operation.pid })
  }
  if (Option.isSome(bottle.destroyingAt)) return yield* new LaunchRefused({ reason: halfDestroyed(slug) })
  const forge = yield* assignedForge(options)
  const run = yield* resolveRun({
    agent: spec.agent,
    bottles: spec.bottles,
    backend: spec.backend,
    cwd: spec.cwd,
    forge,
  })
  const state = yield* resumableState(run.backend, bottle)
  const prepared: PreparedResume = {
    run,
    bottle,
    options,
    forge,
    prompt,
    exited: state === "exited",
    last: lastRun(state, bottle),
  }
  const plan = yield* planResume(prepared)
  // An artifact that is not made yet has no name; any image name will do here.
  yield* run.backend.accepts(prepared.exited ? { ...plan, image: slug } : plan)
  return prepared
})

/** The state of a bottle that can be resumed. */
const resumableState = Effect.fn("resumableState")(function* (backend: Backend, bottle: BottleMetadata) {
  const { slug } = bottle
  const state = yield* bottleState(backend, bottle)
  switch (state) {
    case "running":
      return yield* new BottleRunning({ slug })
    case "destroying":
      return yield* new LaunchRefused({ reason: halfDestroyed(slug) })
    case "lost":
      return yield* new BackendFailure({
        backend: backend.name,
        operation: "resume",
        target: slug,
        reason: lostArtifact(bottle),
      })
    default:
      return state
  }
})

/** The plan of a prepared resume: from the bottle's artifact, with its stored user. */
export const planResume = Effect.fn("planResume")(function* ({
  run,
  bottle,
  forge,
  prompt,
  exited,
  last,
}: PreparedResume) {
  const again = exited || Option.isSome(bottle.artifact)
  const artifact = exited ? Option.some("") : bottle.artifact
  const { copyCwd, cwd } = bottle.spec
  const workspace = again || !copyCwd ? undefined : yield* (yield* Backends).workspace(cwd)
  const how = Option.isNone(prompt)
    ? again
      ? "resumeInteractive"
      : "interactive"
    : again
      ? "resume"
      : "headless"
  const invocation = yield* invocationOf(run, how, {
    slug: bottle.slug,
    prompt: Option.getOrElse(prompt, () => ""),
    forge,
    missing: bottle.spec.missing,
  })
  const plan = makePlan({
    slug: bottle.slug,
    run: last + 1,
    backend: run.backend.name,
    defaultMemoryBytes: run.backend.defaultMemoryBytes,
    bottle: run.bottle,
    pull: "missing",
    interactive: Option.isNone(prompt),
    invocation,
    ...(workspace !== undefined && { workspace }),
    clone: cloneOf(run.bottle, {
      slug: bottle.slug,
      agent: run.agent.name,
      forge: forge !== undefined,
    }),
    earlier: {
      ...(Option.isSome(artifact) && { artifact: artifact.value }),
      ...(Option.isSome(bottle.user) && { user: bottle.user.value }),
    },
  })
  return { ...launchPlan(plan, run), ...(again && { continues: { run: last } }) } satisfies LaunchPlan
})

/** Refuses a resume whose deploy keys were not agreed to, or whose sidecar could not serve, before the bottle is changed. */
export const checkResume = Effect.fn("checkResume")(function* ({
  run,
  bottle,
  options,
  forge,
}: PreparedResume) {
  yield* agreeToKeys(run.bottle, { ...options, hasForge: forge !== undefined })
  yield* (yield* Sidecar).check(sidecarConfig(bottle.slug, run, forge))
})

/** Performs a prepared resume and returns the slug when the agent runs. On failure the bottle is left as `relaunch` says. */
export const performResume = Effect.fn("performResume")(function* (prepared: PreparedResume) {
  const { slug } = prepared.bottle
  const store = yield* BottleStore
  yield* checkResume(prepared)
  yield* store.withOperation(slug, "resume", resumeBottle(prepared))
  return slug
})

const resumeBottle = Effect.fn("resumeBottle")(function* (prepared: PreparedResume) {
  const { run, options, forge } = prepared
  const { slug } = prepared.bottle
  const row = yield* (yield* BottleStore).get(slug)
  if (Option.isNone(row)) return yield* new BottleNotFound({ slug })
  const { bottle, last } = yield* madeReady(run.backend, row.value)
  // A run whose end nobody saw has no statement yet, and its lines would count as the next run's.
  if (last === bottle.run) yield* attest(slug)
  yield* options.observe?.({ _tag: "Slug", slug }) ?? Effect.void
  const plan = yield* planResume({ ...prepared, bottle, last, exited: false })
  yield* run.backend.accepts(plan)
  const made = yield* Ref.make(false)
  const config = withTrace(sidecarConfig(slug, run, forge, plan.run), options)
  yield* bringUp(run, options.trigger, plan, config, bottle, made).pipe(
    Effect.onError(() => Effect.ignore(undo(run.backend, bottle, made, forge))),
  )
  yield* changeForgeRows(bottle.slug, { status: "running", lastCheckinAt: yield* nowIso })
})

/** The row of a bottle that has no running part and no box, and its newest run that began. */
const madeReady = Effect.fn("madeReady")(function* (backend: Backend, bottle: BottleMetadata) {
  const state = yield* resumableState(backend, bottle)
  if (state === "created") yield* removeHalf(backend, bottle.slug)
  return {
    bottle: state === "exited" ? yield* freezeBottle(backend, bottle.slug) : bottle,
    last: lastRun(state, bottle),
  }
})

const removeHalf = Effect.fn("removeHalf")(function* (backend: Backend, slug: Slug) {
  yield* stopSidecar(slug)
  yield* backend.remove(slug)
})

const undo = Effect.fn("undo")(function* (
  backend: Backend,
  bottle: BottleMetadata,
  made: Ref.Ref<boolean>,
  forge?: AssignedForge,
) {
  yield* stopSidecar(bottle.slug, forge)
  yield* Effect.whenEffect(backend.remove(bottle.slug), made)
  yield* (yield* RunDirectories).clear(bottle.slug)
  yield* (yield* BottleStore).put(bottle)
})
