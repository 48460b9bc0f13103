/** Run directories without a bottle, as gc finds them: by real directories and the sidecar's own service. */
import { expect, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe } from "vitest"
import { Slug } from "../../../src/domain/Slug.ts"
import { ensureRunDirectory } from "../../../src/layers/bottle/runDirectory.ts"
import type { HomeShape } from "../../../src/layers/home/Home.ts"
import { Home, homeAt } from "../../../src/layers/home/Home.ts"
import * as SidecarInProcess from "../../../src/layers/sidecar/SidecarInProcess.ts"
import { RunDirectories } from "../../../src/services/RunDirectories.ts"
import { tempDir } from "../../support/tempDir.ts"

const make = (home: HomeShape, slug: Slug) => Effect.provideService(ensureRunDirectory(slug), Home, home)
const withSidecar = <A, E, R>(home: HomeShape, test: Effect.Effect<A, E, R | RunDirectories>) =>
  Effect.provide(test, Layer.provide(SidecarInProcess.layer, Layer.succeed(Home, home)))

describe("run directories without a bottle", () => {
  it.scoped("are found by whose they were, without those that a bottle has", () =>
    Effect.gen(function* () {
      const home = homeAt(yield* tempDir)
      const [kept, left] = [Slug.make("kept-abcde"), Slug.make("left-abcde")]
      for (const slug of [kept, left]) yield* make(home, slug)
      yield* withSidecar(
        home,
        Effect.gen(function* () {
          const directories = yield* RunDirectories
          const found = yield* directories.leftRuns([kept])
          expect(found).toMatchObject([{ slug: left }])
          expect(Math.abs((found[0]?.since ?? 0) - Date.now())).toBeLessThan(60_000)
          yield* directories.removeRun(found[0]?.name ?? "")
          yield* directories.removeRun("../state")
          expect(readdirSync(home.runRoot).map((name) => join(home.runRoot, name))).toEqual([
            home.of(kept).run,
          ])
          yield* directories.clear(kept)
          expect(readdirSync(home.runRoot)).toEqual([])
        }),
      )
    }),
  )

  it.scoped("are not those of another home or another program in a shared folder, nor links", () =>
    Effect.gen(function* () {
      const root = yield* tempDir
      const [one, other] = ["one", "other"].map((name) => homeAt(join(root, name), join(root, "run")))
      if (one === undefined || other === undefined) return expect.fail()
      const slug = Slug.make("theirs-abcde")
      yield* make(other, slug)
      mkdirSync(join(one.runRoot, "gnupg"))
      writeFileSync(join(one.runRoot, "gnupg", "key"), "")
      symlinkSync(other.of(slug).run, join(one.runRoot, "aaaaa"))
      yield* withSidecar(
        one,
        Effect.gen(function* () {
          expect(yield* (yield* RunDirectories).leftRuns([])).toEqual([])
        }),
      )
    }),
  )
})
