/** listBottles: every bottle of this installation and its current state. */
import { Effect, Option } from "effect"
import { BottleStatus } from "../domain/Bottle.ts"
import type { BottleMetadata } from "../domain/Bottle.ts"
import type { Slug } from "../domain/Slug.ts"
import type { Backend } from "../services/Backends.ts"
import { Backends } from "../services/Backends.ts"
import type { RunMeter } from "../domain/usage/RunMeter.ts"
import { BottleEvents } from "../services/BottleEvents.ts"
import { BottleStore } from "../services/BottleStore.ts"
import { engineOf, engineOnce, otherEngine } from "./bottleBackend.ts"

/**
 * Every bottle, oldest first. The state is `unknown` for a bottle whose backend cannot be reached or which another engine has; the log
 * says why.
 */
export const listBottles = Effect.fn("listBottles")(function* () {
  return yield* statusesOf(yield* (yield* BottleStore).all)
})

/** The status of these bottles. Only their backends are asked. */
export const statusesOf = Effect.fn("statusesOf")(function* (rows: ReadonlyArray<BottleMetadata>) {
  const names = [...new Set(rows.map((row) => row.spec.backend))]
  const states = new Map<Slug, State>()
  for (const name of names) {
    const own = rows.filter((row) => row.spec.backend === name)
    const found = yield* Effect.flatMap((yield* Backends).get(name), (backend) =>
      statesOf(backend, own),
    ).pipe(Effect.catchAll((error) => Effect.as(Effect.logWarning(error.message), [])))
    for (const [slug, state] of found) states.set(slug, state)
  }
  return yield* Effect.forEach(rows, (row) =>
    Effect.map(useOf(row), (use) => statusOf(row, states.get(row.slug) ?? "unknown", use)),
  )
})

/** What the newest run used: as stored with its end, or as its sidecar counts it now. */
export const useOf = Effect.fn("useOf")(function* ({
  slug,
  run,
  use,
  exit,
}: Pick<BottleMetadata, "slug" | "run" | "use" | "exit">) {
  if (Option.isSome(use)) return use
  const counted = (yield* BottleEvents).use(slug, run, Option.isNone(exit))
  return yield* Effect.catchAll(counted, (error) =>
    Effect.as(Effect.logWarning(error.message), Option.none<RunMeter>()),
  )
})

type State = BottleStatus["state"]

/** What a backend has of its bottles, asked once for all of them. */
const statesOf = Effect.fn("statesOf")(function* (backend: Backend, rows: ReadonlyArray<BottleMetadata>) {
  const boxes = new Map((yield* backend.list).map((box) => [box.slug, box.state]))
  const boxless = rows.filter(({ slug }) => !boxes.has(slug))
  const kept = boxless.some(({ artifact }) => Option.isSome(artifact)) ? yield* backend.artifacts : []
  const references = new Set(kept.map(({ reference }) => reference))
  const asked = yield* engineOnce(backend)
  return yield* Effect.forEach(rows, (row) =>
    Effect.map(
      stateOf(
        asked,
        row,
        boxes.get(row.slug),
        Option.exists(row.artifact, (name) => references.has(name)),
      ),
      (state) => [row.slug, state] as const,
    ),
  )
})

const stateOf = Effect.fn("stateOf")(function* (
  backend: Backend,
  row: BottleMetadata,
  box: State | undefined,
  isKept: boolean,
) {
  if (Option.isSome(row.destroyingAt)) return "destroying"
  if (box !== undefined) return box
  if (isKept) return "frozen"
  if ((yield* engineOf(backend, row)) !== "other") return Option.isSome(row.artifact) ? "lost" : "created"
  yield* Effect.logWarning(otherEngine(backend, row).message)
  return "unknown"
})

const statusOf = (row: BottleMetadata, state: State, use: Option.Option<RunMeter>): BottleStatus =>
  new BottleStatus({
    slug: row.slug,
    label: row.spec.label,
    color: row.spec.color,
    agent: row.spec.agent,
    bottles: row.spec.bottles,
    backend: row.spec.backend,
    state: Option.isSome(row.destroyingAt) ? "destroying" : state,
    run: row.run,
    exit: row.exit,
    done: row.done,
    use,
    createdAt: row.createdAt,
  })
