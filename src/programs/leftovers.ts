/** leftovers: finds sidecars and run directories that no bottle needs. */
import { Effect, Option } from "effect"
import type { BottleMetadata } from "../domain/Bottle.ts"
import type { BackendBottle } from "../services/Backends.ts"
import { BottleStore } from "../services/BottleStore.ts"
import { RunDirectories } from "../services/RunDirectories.ts"
import { Sidecar } from "../services/Sidecar.ts"
import { stopSidecar } from "./discard.ts"
import type { Engine, Garbage } from "./garbage.ts"
import { isFree, ownership, touchedAt } from "./garbage.ts"

/** Sidecars whose agent is not running. A sidecar whose bottle's backend cannot be reached is left alone. */
export const sidecarGarbage = Effect.fn("garbageSidecars")(function* (
  engines: ReadonlyArray<Engine>,
  rows: ReadonlyArray<BottleMetadata>,
  before: number,
) {
  const store = yield* BottleStore
  const running = yield* (yield* Sidecar).list
  const serving = new Set(
    engines.flatMap(({ boxes }) =>
      [...boxes.values()].filter(({ state }) => state !== "exited").map(({ slug }) => slug),
    ),
  )
  const idle = yield* Effect.filter(
    running.filter(({ slug, since }) => since < before && !serving.has(slug)),
    ({ slug }) => isFree(slug),
  )
  return idle.flatMap(({ slug }) => {
    const item: Garbage = { kind: "sidecar", slug, backend: "", reason: "its agent does not run" }
    const row = rows.find((candidate) => candidate.slug === slug)
    if (row === undefined) return [{ item, remove: Effect.as(stopSidecar(slug), true) }]
    const engine = engines.find(({ backend }) => backend.name === row.spec.backend)
    if (engine === undefined || touchedAt(row) >= before) return []
    const isIdle = (box: Option.Option<BackendBottle>) =>
      Option.match(box, {
        onNone: () => ownership(engine.name, row) === "own",
        onSome: ({ state }) => state === "exited",
      })
    if (!isIdle(Option.fromNullable(engine.boxes.get(slug)))) return []
    const remove = Effect.gen(function* () {
      if (!isIdle(yield* engine.backend.inspect(slug))) return false
      yield* stopSidecar(slug)
      return true
    })
    return [{ item, remove: store.withOperation(slug, "stop", remove) }]
  })
})

/** Run directories that belong to no row, and to no box that only the engine knows. */
export const runGarbage = Effect.fn("garbageRuns")(function* (
  engines: ReadonlyArray<Engine>,
  rows: ReadonlyArray<BottleMetadata>,
  before: number,
) {
  const directories = yield* RunDirectories
  const store = yield* BottleStore
  const boxes = engines.flatMap((engine) => [...engine.boxes.keys()])
  const slugs = (known: ReadonlyArray<BottleMetadata>) => [...known.map(({ slug }) => slug), ...boxes]
  const left = yield* directories.leftRuns(slugs(rows))
  return left
    .filter(({ since }) => since < before)
    .map(({ name, slug }) => ({
      item: { kind: "run" as const, slug, backend: "", reason: `no bottle uses it: run/${name}` },
      remove: Effect.gen(function* () {
        const now = yield* directories.leftRuns(slugs(yield* store.all))
        if (!now.some((run) => run.name === name && run.since < before)) return false
        yield* directories.removeRun(name)
        return true
      }),
    }))
})
