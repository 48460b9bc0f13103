/** Forges of several kinds: each target gets the adapter of its kind, and no other. */
import { expect, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import type { ForgeTarget } from "../../src/domain/ForgeTarget.ts"
import * as LiveForges from "../../src/layers/forges.ts"
import * as GiteaForge from "../../src/layers/gitea/GiteaForge.ts"
import { withForgeEnv } from "../../src/services/ForgeEnv.ts"
import { Forges } from "../../src/services/Forges.ts"
import * as FakeForge from "../../src/testing/FakeForge.ts"

const target = (kind: string): ForgeTarget => ({
  kind,
  apiUrl: "https://git.example/sub/api/v1/",
  owner: "ada",
  repo: "cellar",
  token: Redacted.make("secret"),
})

const village = (forge: FakeForge.FakeForge["forge"]): LiveForges.ForgeKinds => ({
  village: { make: () => Effect.succeed(forge), webUrl: (apiUrl) => `${apiUrl}web` },
})

it.effect("a kind from outside is registered beside Gitea, and asked for its own targets", () =>
  Effect.gen(function* () {
    const { forge } = yield* FakeForge.make({ owner: "eve", repo: "mill" })
    yield* Effect.gen(function* () {
      const forges = yield* Forges
      expect(forges.kinds).toEqual(["village", "gitea"])
      expect((yield* forges.of(target("village"))).repository).toEqual({ owner: "eve", repo: "mill" })
      expect((yield* forges.of(target("gitea"))).repository).toEqual({ owner: "ada", repo: "cellar" })
      expect(yield* forges.webUrl(target("gitea"))).toBe("https://git.example/sub")
      expect(yield* forges.webUrl(target("village"))).toBe("https://git.example/sub/api/v1/web")
      for (const kind of ["other", "constructor", "__proto__"]) {
        const unknown = { _tag: "ForgeConfigInvalid", message: expect.stringContaining("village, gitea") }
        expect(yield* Effect.flip(forges.of(target(kind)))).toMatchObject(unknown)
        expect(yield* Effect.flip(forges.webUrl(target(kind)))).toMatchObject(unknown)
      }
      // Variables are read by the first kind that has some.
      const error = yield* Effect.flip(withForgeEnv({})(forges.variables.assigned))
      expect(error.variable).toBe("FORGE_GITEA_API")
    }).pipe(Effect.provide(LiveForges.layer({ ...village(forge), gitea: GiteaForge.kind })))
  }),
)

it.effect("without a kind that reads variables, none are read", () =>
  Effect.gen(function* () {
    const { forge } = yield* FakeForge.make()
    const { variables } = yield* Effect.provide(Forges, LiveForges.layer(village(forge)))
    expect((yield* Effect.flip(variables.assigned)).message).toContain("as values")
  }),
)
