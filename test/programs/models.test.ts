import { describe, expect, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { LaunchRefused } from "../../src/domain/Errors.ts"
import { MODEL_ROUTES } from "../../src/domain/ProviderRoutes.ts"
import { freeze } from "../../src/programs/freeze.ts"
import { planStart, prepareStart } from "../../src/programs/launch.ts"
import { planResume, prepareResume } from "../../src/programs/relaunch.ts"
import { resumeHeadless } from "../../src/programs/resumeHeadless.ts"
import { startHeadless } from "../../src/programs/startHeadless.ts"
import { forgeVariables, inWorld } from "./world.ts"

const asked = { agent: () => Effect.succeed(0) }

describe("a run of an agent with a model", () => {
  it.effect("has the route to it, in the plan and in the sidecar, at start and at resume", () =>
    inWorld(asked, ({ fake, sidecar }) =>
      Effect.gen(function* () {
        const slug = yield* startHeadless("thinker", { prompt: "work" })
        yield* freeze(slug)
        yield* resumeHeadless(slug, { prompt: "go on" })
        expect(sidecar.launches.map(({ routes }) => routes)).toEqual([
          { anthropic: MODEL_ROUTES["anthropic"] },
          { anthropic: MODEL_ROUTES["anthropic"] },
        ])
        const plans = yield* fake.plans
        expect(plans.map((plan) => plan.routes)).toEqual([["anthropic"], ["anthropic"]])
        expect(plans.map((plan) => plan.argv.includes("--continue"))).toEqual([false, true])
        expect(plans.map((plan) => plan.prompt)).toEqual(["work", "go on"])
      }),
    ),
  )

  it.effect("goes on with its conversation on a terminal too", () =>
    inWorld(asked, () =>
      Effect.gen(function* () {
        const slug = yield* startHeadless("thinker", { prompt: "work" })
        yield* freeze(slug)
        const prepared = yield* prepareResume(slug, {}, Option.none())
        expect((yield* planResume(prepared)).argv.join(" ")).toContain("--resume")
        const first = yield* planStart(yield* prepareStart("thinker", {}, Option.none()))
        expect(first.argv[0]).toBe("claude")
        expect(first.argv).not.toContain("--print")
      }),
    ),
  )

  it.effect("registers the forge's tools only in a run with a forge", () =>
    inWorld(asked, ({ fake }) =>
      Effect.gen(function* () {
        yield* startHeadless("thinker", { prompt: "work" })
        yield* startHeadless("thinker", { prompt: "work", forgeEnv: forgeVariables })
        const [without = "", withForge = ""] = (yield* fake.plans).map(({ files }) => files[0]?.content)
        expect(JSON.parse(without)).toEqual({ mcpServers: {} })
        expect(JSON.parse(withForge)).toEqual({
          mcpServers: { forge: { type: "http", url: "http://127.0.0.1:7317/mcp" } },
        })
      }),
    ),
  )

  it.effect("is refused before anything is made when its bottle has no route to that model", () =>
    inWorld(asked, ({ fake, sidecar }) =>
      Effect.gen(function* () {
        const refused = yield* Effect.flip(startHeadless("stray", { prompt: "work" }))
        expect(refused).toBeInstanceOf(LaunchRefused)
        expect([yield* fake.steps, sidecar.launches]).toEqual([[], []])
      }),
    ),
  )
})
