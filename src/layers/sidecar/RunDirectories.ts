/** RunDirectories over the run and state directories of a home. */
import { Effect, Layer, Option } from "effect"
import { rm } from "node:fs/promises"
import { join } from "node:path"
import { SidecarError } from "../../domain/Errors.ts"
import type { Slug } from "../../domain/Slug.ts"
import { RunDirectories } from "../../services/RunDirectories.ts"
import { askStatus } from "../../sidecar/http/control.ts"
import { file, orElseOn } from "../../files/files.ts"
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

/** The run directories of a home. */
export const layer: Layer.Layer<RunDirectories> = Layer.effect(RunDirectories, Effect.map(Home, make))
