/** listBottles: every bottle of this installation and what it is now. */
import { Effect, Option } from "effect"
import { BottleStatus } from "../domain/Bottle.ts"
import type { BottleMetadata } from "../domain/Bottle.ts"
import { Backends } from "../services/Backends.ts"
import type { BackendBottle } from "../services/Backends.ts"
import { BottleStore } from "../services/BottleStore.ts"

/** Every bottle, oldest first. The state of a bottle whose backend cannot be asked is `unknown`, and the log says why. */
export const listBottles = Effect.fn("listBottles")(function* () {
  return yield* statusesOf(yield* (yield* BottleStore).all)
})

/** The same of these bottles; only their backends are asked. */
export const statusesOf = Effect.fn("statusesOf")(function* (rows: ReadonlyArray<BottleMetadata>) {
  const backends = [...new Set(rows.map((row) => row.spec.backend))]
  const boxes = new Map(
    yield* Effect.forEach(backends, (name) => Effect.map(boxesOf(name), (found) => [name, found] as const)),
  )
  return rows.map((row) => statusOf(row, boxes.get(row.spec.backend) ?? Option.none()))
})

const boxesOf = Effect.fn("boxesOf")(function* (name: string) {
  return yield* (yield* Backends).get(name).pipe(
    Effect.flatMap((backend) => backend.list),
    Effect.map(Option.some<ReadonlyArray<BackendBottle>>),
    Effect.catchAll((error) =>
      Effect.as(Effect.logWarning(error.message), Option.none<ReadonlyArray<BackendBottle>>()),
    ),
  )
})

const statusOf = (row: BottleMetadata, boxes: Option.Option<ReadonlyArray<BackendBottle>>): BottleStatus => {
  const state = Option.isSome(row.destroyingAt)
    ? ("destroying" as const)
    : Option.match(boxes, {
        onNone: () => "unknown" as const,
        onSome: (all) =>
          all.find((box) => box.slug === row.slug)?.state ??
          (Option.isSome(row.artifact) ? ("frozen" as const) : ("created" as const)),
      })
  return new BottleStatus({
    slug: row.slug,
    label: row.spec.label,
    color: row.spec.color,
    agent: row.spec.agent,
    bottles: row.spec.bottles,
    backend: row.spec.backend,
    state,
    run: row.run,
    exit: row.exit,
    done: row.done,
    createdAt: row.createdAt,
  })
}
