import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import type { BottleManifest } from "../../src/domain/Manifest.ts"
import { freeze } from "../../src/programs/freeze.ts"
import { launch } from "../../src/programs/launch.ts"
import { awaitExit } from "../../src/programs/awaitExit.ts"
import { resumeHeadless } from "../../src/programs/resumeHeadless.ts"
import { forgeVariables, inWorld } from "./world.ts"

const bottle: BottleManifest = {
  git: { app: { url: "https://git.example.com/ada/cellar.git", key: { provider: "gitea" } } },
  workspace: { git: "app", ref: "dev" },
}

describe("a bottle whose workspace is a clone", () => {
  it.effect("is planned so at its start, and told at a resume what was cloned", () =>
    inWorld(
      {},
      ({ fake }) =>
        Effect.gen(function* () {
          const slug = yield* launch("worker", { prompt: "x", forgeEnv: forgeVariables })
          yield* awaitExit(slug)
          yield* freeze(slug)
          yield* resumeHeadless(slug, { prompt: "y", forgeEnv: forgeVariables })
          const clone = {
            git: "app",
            ref: "dev",
            branch: `bot-bottle/${slug}`,
            author: { name: "worker", email: `${slug}@bot-bottle.invalid` },
            forge: true,
          }
          const plans = yield* fake.plans
          expect(plans.map((plan) => [plan.rehydrate, plan.clone])).toEqual([
            [false, clone],
            [true, clone],
          ])
          expect(plans[0]?.prompt).toContain("Your working directory is a clone of `app`")
        }),
      { bottle },
    ),
  )

  it.effect("is not given files of a working tree too", () =>
    inWorld(
      {},
      () =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(launch("worker", { prompt: "x", copyCwd: true, cwd: "/w" }))
          expect(error).toMatchObject({ _tag: "LaunchRefused" })
          expect(error.message).toContain("--copy-cwd")
        }),
      { bottle },
    ),
  )

  it.effect("names a repository that there is", () =>
    inWorld(
      {},
      () =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(launch("worker", { prompt: "x" }))
          expect(error).toMatchObject({ _tag: "ManifestInvalid", key: "workspace.git" })
          expect(error.message).toContain("bottles/plain.yaml: workspace.git: expected a name of the map git")
        }),
      { bottle: { ...bottle, workspace: { git: "ap" } } },
    ),
  )
})
