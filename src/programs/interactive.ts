/** startInteractive and resumeInteractive: an agent on the operator's terminal. */
import { Effect, Option } from "effect"
import type { BottlePlan } from "../domain/Bottle.ts"
import type { Slug } from "../domain/Slug.ts"
import { Backends } from "../services/Backends.ts"
import { BottleStore } from "../services/BottleStore.ts"
import { awaitExit } from "./awaitExit.ts"
import { performStart, planStart, prepareStart } from "./launch.ts"
import type { ResumeOptions, StartOptions } from "./options.ts"
import { performResume, planResume, prepareResume } from "./resumeHeadless.ts"

/** Asked with the plan before anything is made; its failure ends the start. */
export type Confirm<E, R> = (plan: BottlePlan) => Effect.Effect<void, E, R>

/** Starts an agent on the operator's terminal, once `confirm` has agreed to the plan; answers the slug when it has ended. */
export const startInteractive = Effect.fn("startInteractive")(function* <E, R>(
  agent: string,
  options: StartOptions,
  confirm: Confirm<E, R>,
) {
  const prepared = yield* prepareStart(agent, options, Option.none())
  yield* confirm(yield* planStart(prepared))
  const slug = yield* performStart(prepared)
  yield* onTerminal(slug, options)
  return slug
})

/** The same for a bottle that there is. */
export const resumeInteractive = Effect.fn("resumeInteractive")(function* <E, R>(
  name: string,
  options: ResumeOptions,
  confirm: Confirm<E, R>,
) {
  const prepared = yield* prepareResume(name, options, Option.none())
  yield* confirm(yield* planResume(prepared))
  const slug = yield* performResume(prepared)
  yield* onTerminal(slug, options)
  return slug
})

const onTerminal = Effect.fn("onTerminal")(function* (slug: Slug, options: StartOptions | ResumeOptions) {
  const row = yield* (yield* BottleStore).get(slug)
  if (Option.isNone(row)) return
  const backend = yield* (yield* Backends).get(row.value.spec.backend)
  yield* backend.attach(slug)
  const { observe: _, ...watch } = options
  yield* awaitExit(slug, watch)
})
