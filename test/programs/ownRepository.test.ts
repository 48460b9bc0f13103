/** `forge: true` through the programs: one manifest, the repository of whichever run it is. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { planText } from "../../src/cli/plan.ts"
import { awaitExit } from "../../src/programs/awaitExit.ts"
import { freeze } from "../../src/programs/freeze.ts"
import { startInteractive } from "../../src/programs/interactive.ts"
import { launch, planStart, prepareStart } from "../../src/programs/launch.ts"
import { listBottles } from "../../src/programs/listBottles.ts"
import { resumeHeadless } from "../../src/programs/resumeHeadless.ts"
import { startHeadless } from "../../src/programs/startHeadless.ts"
import { forgeVariables, inWorld } from "./world.ts"

const bottle = { git: { app: { forge: true } }, workspace: { git: "app" } } as const
const forgeEnv = forgeVariables

describe("a bottle with the run's own repository", () => {
  it.effect("has the one that its run is about, at a start and at a resume", () =>
    inWorld(
      {},
      ({ sidecar, fake }) =>
        Effect.gen(function* () {
          const slug = yield* launch("worker", { prompt: "x", forgeEnv })
          yield* awaitExit(slug)
          yield* freeze(slug)
          yield* resumeHeadless(slug, { prompt: "y", forgeEnv })
          yield* launch("worker", { prompt: "x", forgeEnv: { ...forgeEnv, FORGE_REPO: "press" } })
          expect(sidecar.launches.map(({ git }) => git["app"]?.url)).toEqual([
            "http://git.example/ada/cellar.git",
            "http://git.example/ada/cellar.git",
            "http://git.example/ada/press.git",
          ])
          expect((yield* fake.plans)[0]?.prompt).toContain("Your working directory is a clone of `app`")
        }),
      { bottle },
    ),
  )

  it.effect("shows its address in a plan", () =>
    inWorld(
      {},
      () =>
        Effect.gen(function* () {
          const prepared = yield* prepareStart("worker", { forgeEnv }, Option.some("x"))
          const plan = yield* planStart(prepared)
          expect(plan.neck.git["app"]).toMatchObject({ url: "http://git.example/ada/cellar.git", own: true })
          expect(planText(plan)).toContain(
            "app: http://git.example/ada/cellar.git, the run's own repository, with the token of the run's forge",
          )
        }),
      { bottle },
    ),
  )

  it.effect("cannot be launched by a run that has no forge, and nothing is left of it", () =>
    inWorld(
      {},
      ({ sidecar }) =>
        Effect.gen(function* () {
          const never = () => Effect.dieMessage("asked in vain")
          for (const start of [
            Effect.asVoid(startHeadless("worker", { prompt: "x" })),
            Effect.asVoid(startInteractive("worker", {}, never)),
            Effect.asVoid(prepareStart("worker", {}, Option.some("x"))),
          ])
            expect(yield* Effect.flip(start)).toMatchObject({
              _tag: "LaunchRefused",
              reason: expect.stringMatching(/git\.app .*this run has no forge/),
            })
          expect([yield* listBottles(), sidecar.launches]).toEqual([[], []])
        }),
      { bottle },
    ),
  )
})
