/** FORGE_* variables: what each must be, and that the one that is wrong is named. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, FastCheck, Redacted } from "effect"
import { chmodSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { inspect } from "node:util"
import type { ForgeConfigInvalid } from "../../../src/domain/Errors.ts"
import * as GiteaForge from "../../../src/layers/gitea/GiteaForge.ts"
import {
  closingKeywords,
  forgeAssignment,
  giteaForgeConfig,
  isForgeName,
} from "../../../src/layers/gitea/GiteaForgeConfig.ts"
import { Forge } from "../../../src/services/Forge.ts"
import { type ForgeEnv, withForgeEnv } from "../../../src/services/ForgeEnv.ts"
import { TOKEN } from "../../support/gitea.ts"
import { tempDir } from "../../support/tempDir.ts"

const env: ForgeEnv = {
  FORGE_GITEA_API: "https://git.example.org/api/v1",
  FORGE_GITEA_TOKEN: Redacted.make(TOKEN),
  FORGE_OWNER: "acme",
  FORGE_REPO: "tool",
  FORGE_ISSUE_NUMBER: "17",
}

const read = (changes: ForgeEnv) => withForgeEnv({ ...env, ...changes })(giteaForgeConfig)

describe("giteaForgeConfig", () => {
  it.effect("reads what is set, and has the documented defaults", () =>
    Effect.gen(function* () {
      const config = yield* read({})
      expect(config).toMatchObject({
        apiUrl: env["FORGE_GITEA_API"],
        owner: "acme",
        repo: "tool",
        org: "bot-bottle",
      })
      expect(config.trustOrg).toBeUndefined()
      expect(Redacted.value(config.token)).toBe(TOKEN)
      expect(inspect(config, { depth: 9 })).not.toContain(TOKEN)
      expect(yield* read({ FORGE_ORG: "bots", FORGE_TRUST_ORG: " team " })).toMatchObject({
        org: "bots",
        trustOrg: "team",
      })
      expect(yield* read({ FORGE_ORG: "", FORGE_TRUST_ORG: "" })).toMatchObject({ org: "bot-bottle" })
    }),
  )

  const wrong: ReadonlyArray<readonly [string, string, RegExp]> = [
    ["FORGE_GITEA_API", "", /is missing/],
    ["FORGE_GITEA_API", "git.example.org/api/v1", /not an http or https URL/],
    ["FORGE_GITEA_API", "ftp://git.example.org/api/v1", /not an http or https URL/],
    ["FORGE_GITEA_API", "https://git.example.org", /must end with \/api\/v1/],
    ["FORGE_GITEA_API", "https://git.example.org/api/v1?token=x", /must end with \/api\/v1/],
    ["FORGE_GITEA_API", "https://bot:pw@git.example.org/api/v1", /must not hold a user/],
    ["FORGE_GITEA_TOKEN", "", /is missing/],
    ["FORGE_GITEA_TOKEN", "two words", /does not hold a token/],
    ["FORGE_GITEA_TOKEN", "a\r\nX-Evil: 1", /does not hold a token/],
    ["FORGE_GITEA_TOKEN", "tökén", /does not hold a token/],
    ["FORGE_GITEA_TOKEN_FILE", "/no/such/file", /cannot be read/],
    ["FORGE_OWNER", "", /is missing/],
    ["FORGE_OWNER", "acme/tool", /no slash/],
    ["FORGE_REPO", "", /is missing/],
    ["FORGE_REPO", "..", /is not a name/],
    ["FORGE_ORG", "bot bottle", /is not a name/],
    ["FORGE_TRUST_ORG", "a/b", /is not a name/],
  ]
  for (const [variable, value, reason] of wrong) {
    it.effect(`names ${variable} when it is ${JSON.stringify(value)}`, () =>
      Effect.gen(function* () {
        const token: ForgeEnv = variable === "FORGE_GITEA_TOKEN_FILE" ? { FORGE_GITEA_TOKEN: "" } : {}
        const error = yield* Effect.flip(read({ ...token, [variable]: value }))
        expect(error).toMatchObject({
          _tag: "ForgeConfigInvalid",
          variable,
          reason: expect.stringMatching(reason),
        })
        if (value.length > 3 && variable === "FORGE_GITEA_TOKEN") expect(inspect(error)).not.toContain(value)
      }),
    )
  }

  it.effect("takes the token from a file, without the line's end", () =>
    Effect.gen(function* () {
      const dir = yield* tempDir
      const file = join(dir, "token")
      writeFileSync(file, `${TOKEN}\n`)
      const config = yield* read({ FORGE_GITEA_TOKEN: "", FORGE_GITEA_TOKEN_FILE: file })
      expect(Redacted.value(config.token)).toBe(TOKEN)
      for (const content of ["", "\n", "a b\nc"]) {
        writeFileSync(file, content)
        const error = yield* Effect.flip(read({ FORGE_GITEA_TOKEN: "", FORGE_GITEA_TOKEN_FILE: file }))
        expect(error.variable).toBe("FORGE_GITEA_TOKEN_FILE")
      }
      chmodSync(file, 0o600)
    }).pipe(Effect.scoped),
  )

  it.effect("reads the assignment; the PR's number may be empty", () =>
    Effect.gen(function* () {
      const assigned = (changes: ForgeEnv) => withForgeEnv({ ...env, ...changes })(forgeAssignment)
      expect(yield* assigned({})).toEqual({ issueNumber: 17, org: "bot-bottle" })
      expect(yield* assigned({ FORGE_PR_NUMBER: "" })).toEqual({ issueNumber: 17, org: "bot-bottle" })
      expect(yield* assigned({ FORGE_PR_NUMBER: "42" })).toEqual({
        issueNumber: 17,
        org: "bot-bottle",
        prNumbers: [42],
      })
      for (const value of ["0", "-1", "17.5", "1e3", "x", "99999999999999999", "0x11", "١٧"]) {
        const error = yield* Effect.flip(assigned({ FORGE_ISSUE_NUMBER: value }))
        expect([value, error.variable]).toEqual([value, "FORGE_ISSUE_NUMBER"])
        expect((yield* Effect.flip(assigned({ FORGE_PR_NUMBER: value }))).variable).toBe("FORGE_PR_NUMBER")
      }
      expect((yield* Effect.flip(assigned({ FORGE_ISSUE_NUMBER: "" }))).reason).toMatch(/is missing/)
    }),
  )

  it.effect("reads closing words as Gitea does: letters only, with commas between", () =>
    Effect.gen(function* () {
      const words = (value: string) =>
        withForgeEnv({ ...env, FORGE_CLOSING_KEYWORDS: value })(closingKeywords)
      expect(yield* words("")).toEqual([])
      expect(yield* words(" schließt, 关闭 ,")).toEqual(["schließt", "关闭"])
      for (const value of ["a b", "a|b", "fix-it", "a, 1"])
        expect((yield* Effect.flip(words(value))).variable).toBe("FORGE_CLOSING_KEYWORDS")
    }),
  )

  it.effect("layerConfig reads the same from the environment's provider", () =>
    Effect.gen(function* () {
      const provided = (owner: string) =>
        Effect.map(Forge, (forge) => forge.repository).pipe(
          Effect.provide(GiteaForge.layerConfig),
          withForgeEnv({ ...env, FORGE_OWNER: owner }),
        )
      expect(yield* provided("acme")).toEqual({ owner: "acme", repo: "tool" })
      const error: ForgeConfigInvalid = yield* Effect.flip(provided(""))
      expect(error.message).toMatch(/^FORGE_OWNER: is missing/)
    }),
  )
})

describe("isForgeName", () => {
  it("accepts only what stays one segment of a path", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.oneof(FastCheck.string(), FastCheck.constantFrom(".", "..", "...", "%2e", "a/b")),
        (name) => {
          if (!isForgeName(name)) return
          expect(new URL(`http://x/a/${name}/b`).pathname).toBe(`/a/${name}/b`)
        },
      ),
    )
  })
})
