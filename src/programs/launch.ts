/** launch: creates a bottle and starts its agent. It returns when the agent runs. */
import { Effect, Option, Random, Ref } from "effect"
import type { AssignedForge } from "../domain/Assignment.ts"
import { BottleMetadata, BottleSpec } from "../domain/Bottle.ts"
import type { WorkspaceListing } from "../domain/Bottle.ts"
import { cloneOf, copyRefusal } from "../domain/Clone.ts"
import { InvalidInput } from "../domain/Errors.ts"
import type { StateStoreError } from "../domain/Errors.ts"
import { makePlan } from "../domain/Plan.ts"
import type { MissingContent } from "../domain/RepositoryContents.ts"
import { freeLabel, mintSlug, normalizeLabel, SUFFIX_ALPHABET } from "../domain/Slug.ts"
import { VERSION } from "../domain/Version.ts"
import { Backends } from "../services/Backends.ts"
import { BottleStore } from "../services/BottleStore.ts"
import { Sidecar } from "../services/Sidecar.ts"
import { assignedForge } from "./assignedForge.ts"
import { bringUp } from "./bringUp.ts"
import { nowIso } from "./clock.ts"
import { agreeToKeys } from "./deployKeys.ts"
import { discard } from "./discard.ts"
import { checkPrompt } from "./options.ts"
import type { HeadlessOptions, StartOptions } from "./options.ts"
import { repositoryContents } from "./repositoryContents.ts"
import { invocationOf, launchPlan, resolveRun, sidecarConfig, withTrace } from "./resolveRun.ts"
import type { ResolvedRun } from "./resolveRun.ts"

/** A start that was checked and is possible. Nothing exists yet. */
export interface PreparedStart {
  readonly run: ResolvedRun
  readonly options: StartOptions
  /** Decoded from the options. */
  readonly forge: AssignedForge | undefined
  readonly label: string
  readonly suffix: string
  readonly prompt: Option.Option<string>
  readonly workspace: Option.Option<WorkspaceListing>
  /** What the clone of the run's own repository does not have; known when the start is performed. */
  readonly missing?: ReadonlyArray<MissingContent>
}

/**
 * Creates a bottle and starts its agent. Returns its slug when the agent runs. A launch that fails or is interrupted before that
 * removes what it created.
 */
export const launch = Effect.fn("launch")(function* (agent: string, options: HeadlessOptions) {
  return yield* performStart(yield* prepareStart(agent, options, Option.some(options.prompt)))
})

/** Looks up and checks everything that a start needs. Without a prompt it is an interactive start. */
export const prepareStart = Effect.fn("prepareStart")(function* (
  agent: string,
  options: StartOptions,
  prompt: Option.Option<string>,
) {
  if (Option.isSome(prompt)) yield* checkPrompt(prompt.value)
  const label = normalizeLabel(options.label ?? agent)
  if (label === "") {
    return yield* new InvalidInput({
      field: "label",
      reason: "it has no character of a-z and 0-9: choose another",
    })
  }
  const forge = yield* assignedForge(options)
  const run = yield* resolveRun({
    agent,
    bottles: options.bottles ?? [],
    backend: options.backend,
    cwd: options.cwd,
    forge,
  })
  const both = options.copyCwd === true ? copyRefusal(run.bottle) : undefined
  if (both !== undefined) return yield* both
  const suffix = yield* Effect.map(
    Effect.replicateEffect(Random.nextIntBetween(0, SUFFIX_ALPHABET.length), 5),
    (digits) => digits.map((digit) => SUFFIX_ALPHABET[digit]).join(""),
  )
  const workspace =
    options.copyCwd === true
      ? Option.some(yield* (yield* Backends).workspace(options.cwd ?? "."))
      : Option.none<WorkspaceListing>()
  const prepared: PreparedStart = { run, options, forge, label, suffix, prompt, workspace }
  yield* run.backend.accepts(yield* planStart(prepared))
  return prepared
})

/** The plan of a prepared start, as `--dry-run` prints it. The label may still get a number if it is in use. */
export const planStart = Effect.fn("planStart")(function* (
  prepared: PreparedStart,
  slug = mintSlug(prepared.label, prepared.suffix),
) {
  const { run, options, forge, prompt, workspace, missing = [] } = prepared
  const invocation = yield* invocationOf(run, Option.isSome(prompt) ? "headless" : "interactive", {
    slug,
    prompt: Option.getOrElse(prompt, () => ""),
    forge,
    missing,
  })
  const plan = makePlan({
    slug,
    run: 1,
    backend: run.backend.name,
    defaultMemoryBytes: run.backend.defaultMemoryBytes,
    bottle: run.bottle,
    pull: options.pull ?? "missing",
    interactive: Option.isNone(prompt),
    invocation,
    ...(Option.isSome(workspace) && { workspace: workspace.value }),
    clone: cloneOf(run.bottle, {
      slug,
      agent: run.agent.name,
      forge: forge !== undefined,
    }),
  })
  return launchPlan(plan, run)
})

/** Refuses a start whose deploy keys were not agreed to, or whose sidecar could not serve, before it has a slug, a row or a directory. */
export const checkStart = Effect.fn("checkStart")(function* ({
  run,
  options,
  forge,
  label,
  suffix,
}: PreparedStart) {
  yield* agreeToKeys(run.bottle, { ...options, hasForge: forge !== undefined })
  yield* (yield* Sidecar).check(sidecarConfig(mintSlug(label, suffix), run, forge))
})

/**
 * Performs a prepared start. `claim` runs when the slug is known and before anything is created, and returns how to undo it. When it
 * fails nothing is left.
 */
export const performStart = Effect.fn("performStart")(function* <E = never, R = never>(
  given: PreparedStart,
  claim: (bottle: BottleMetadata) => Effect.Effect<Effect.Effect<void, StateStoreError>, E, R> = () =>
    Effect.succeed(Effect.void),
) {
  const store = yield* BottleStore
  const { run, options, forge } = given
  yield* checkStart(given)
  const prepared: PreparedStart = { ...given, missing: yield* repositoryContents(run.bottle, forge) }
  const bottle = yield* mint(prepared)
  const takeBack = yield* Effect.onError(claim(bottle), () => Effect.ignore(store.remove(bottle.slug)))
  const made = yield* Ref.make(false)
  const config = withTrace(sidecarConfig(bottle.slug, run, forge), options)
  yield* store
    .withOperation(
      bottle.slug,
      "launch",
      (options.observe?.({ _tag: "Slug", slug: bottle.slug }) ?? Effect.void).pipe(
        Effect.zipRight(planStart(prepared, bottle.slug)),
        Effect.flatMap((plan) => bringUp(run, options.trigger, plan, config, bottle, made)),
        Effect.onError(() => discard(run.backend, bottle.slug, made, forge)),
      ),
    )
    .pipe(Effect.onError(() => Effect.ignore(takeBack)))
  return bottle.slug
})

/** The row of a new bottle, under a free label and slug. */
const mint = Effect.fn("mint")(function* ({
  run,
  options,
  forge,
  label,
  suffix,
  prompt,
  missing = [],
}: PreparedStart) {
  const createdAt = yield* nowIso
  return yield* (yield* BottleStore).mint((all) => {
    const free = freeLabel(label, new Set(all.map((bottle) => bottle.spec.label)))
    return new BottleMetadata({
      slug: mintSlug(free, suffix),
      spec: new BottleSpec({
        agent: run.agent.name,
        bottles: run.bottles,
        label: free,
        color: Option.fromNullable(options.color),
        backend: run.backend.name,
        cwd: options.cwd ?? "",
        copyCwd: options.copyCwd === true,
        headless: Option.isSome(prompt),
        forgeTargeted: forge !== undefined,
        missing,
      }),
      timeout: Option.fromNullable(run.bottle.limits?.timeout),
      idleTimeout: Option.fromNullable(run.bottle.limits?.idleTimeout),
      createdAt,
      version: VERSION,
    })
  })
})
