/** RunDirectories over the run and state directories of a home. */
import { Effect, Layer, Option, Schema } from "effect"
import { rm, stat } from "node:fs/promises"
import { join } from "node:path"
import { SidecarError } from "../../domain/Errors.ts"
import { Slug } from "../../domain/Slug.ts"
import { RunDirectories } from "../../services/RunDirectories.ts"
import { askStatus } from "../../sidecar/http/control.ts"
import { file, namesIn, orElseOn, unlinkIfThere } from "../../files/files.ts"
import { leftRuns, removeLeftRun } from "../bottle/leftRuns.ts"
import { removeRunDirectory } from "../bottle/runDirectory.ts"
import { Home, type HomeShape } from "../home/Home.ts"
import { fileFailed } from "./fileFailed.ts"

const make = (home: HomeShape): typeof RunDirectories.Service => {
  const clear = Effect.fn("RunDirectories.clear")((slug: Slug) =>
    Effect.provideService(removeRunDirectory(slug), Home, home).pipe(
      Effect.mapError(
        ({ reason, cause }) =>
          new SidecarError({ slug, operation: "removing its run directory", reason, cause }),
      ),
    ),
  )
  return {
    leftRuns: Effect.fn("RunDirectories.leftRuns")(function* (slugs: ReadonlyArray<Slug>) {
      const left = yield* fileFailed("*", "looking for run directories")(leftRuns(home, slugs))
      return yield* Effect.filter(left, ({ name }) =>
        Effect.map(askStatus(join(home.runRoot, name, "control.sock")), Option.isNone),
      )
    }),
    outputs: Effect.flatMap(namesIn(home.states), (names) =>
      Effect.forEach(names.filter(Schema.is(Slug)), (slug) => outputsOf(home, slug)),
    ).pipe(
      Effect.map((all) => all.flat()),
      fileFailed("*", "looking for outputs"),
    ),
    removeOutput: (slug, run) =>
      unlinkIfThere(home.of(slug).output(run)).pipe(fileFailed(slug, "removing an output")),
    removeRun: (name) => fileFailed("*", "removing a run directory")(removeLeftRun(home, name)),
    clear,
    forget: Effect.fn("RunDirectories.forget")(function* (slug: Slug) {
      const { state, keys } = home.of(slug)
      // Private keys. Registered keys stay in the ledger.
      yield* file(() => rm(keys, { recursive: true, force: true })).pipe(
        orElseOn("ENOTDIR", undefined),
        fileFailed(slug, "removing its deploy keys"),
      )
      yield* clear(slug)
      yield* file(() => rm(state, { recursive: true, force: true, maxRetries: 5 })).pipe(
        fileFailed(slug, "removing its state"),
      )
    }),
  }
}

const outputsOf = Effect.fnUntraced(function* (home: HomeShape, slug: Slug) {
  const { state, output } = home.of(slug)
  const runs = (yield* namesIn(state)).flatMap((name) => {
    const [, run] = /^output-(\d+)\.log$/.exec(name) ?? []
    return run === undefined ? [] : [Number(run)]
  })
  const found = yield* Effect.forEach(runs, (run) =>
    Effect.option(
      Effect.map(
        file(() => stat(output(run))),
        ({ mtimeMs }) => ({ slug, run, since: mtimeMs }),
      ),
    ),
  )
  return found.flatMap(Option.toArray)
})

/** The run directories of a home. */
export const layer: Layer.Layer<RunDirectories> = Layer.effect(RunDirectories, Effect.map(Home, make))
