/** A run's forge as values, and as FORGE_* variables: both come to the sidecar as the same two values. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { inspect } from "node:util"
import type { AssignedForge } from "../../src/domain/Assignment.ts"
import { assignedForge } from "../../src/programs/assignedForge.ts"
import { awaitExit } from "../../src/programs/awaitExit.ts"
import { freeze } from "../../src/programs/freeze.ts"
import { launch } from "../../src/programs/launch.ts"
import { orchestrateResume } from "../../src/programs/orchestrateResume.ts"
import { orchestrateStart } from "../../src/programs/orchestrateStart.ts"
import { resumeHeadless } from "../../src/programs/resumeHeadless.ts"
import { startHeadless } from "../../src/programs/startHeadless.ts"
import { ForgeStateStore } from "../../src/services/ForgeStateStore.ts"
import { tempDir } from "../support/tempDir.ts"
import { forgeVariables, inWorld } from "./world.ts"

const TOKEN = forgeVariables["FORGE_GITEA_TOKEN"] ?? ""

const forge: AssignedForge = {
  target: {
    kind: "gitea",
    apiUrl: forgeVariables["FORGE_GITEA_API"] ?? "",
    owner: "ada",
    repo: "cellar",
    token: Redacted.make(TOKEN),
  },
  assignment: { issueNumber: 17 },
}

describe("the forge of a run", () => {
  it.effect("given as values comes to each sidecar as it is, without a variable", () =>
    inWorld(
      {},
      ({ sidecar }) =>
        Effect.gen(function* () {
          const slug = yield* startHeadless("worker", { prompt: "work", forge })
          yield* resumeHeadless(slug, { prompt: "more", forge })
          expect(sidecar.launches.map((config) => config.forge)).toEqual([forge, forge])
          expect(inspect(sidecar.launches, { depth: 9 })).not.toContain(TOKEN)
        }),
      { variables: {} },
    ),
  )

  it.effect("given as values is enough for an orchestrated run: its row, its issue and its next run", () =>
    inWorld(
      {},
      ({ sidecar }) =>
        Effect.gen(function* () {
          const slug = yield* orchestrateStart({ agent: "worker", prompt: "work", forge })
          yield* freeze(slug)
          yield* orchestrateResume({ slug, prompt: "more", forge })
          expect(sidecar.launches.map((config) => config.forge?.assignment.issueNumber)).toEqual([17, 17])
          expect(yield* (yield* ForgeStateStore).all).toMatchObject([
            { forge: "http://git.example/api/v1", owner: "ada", repo: "cellar", issueNumber: 17, slug },
          ])
          const other = { ...forge, assignment: { issueNumber: 18 } }
          expect(yield* Effect.flip(orchestrateResume({ slug, prompt: "x", forge: other }))).toMatchObject({
            _tag: "ForgeConfigInvalid",
            message: expect.stringContaining("handles ada/cellar#17"),
          })
        }),
      { variables: {} },
    ),
  )

  it.effect("given as variables comes to it as the same values, and its token's file is read once", () =>
    inWorld(
      {},
      ({ sidecar }) =>
        Effect.gen(function* () {
          const file = join(yield* tempDir, "token")
          writeFileSync(file, `${TOKEN}\n`)
          const forgeEnv = { ...forgeVariables, FORGE_GITEA_TOKEN: "", FORGE_GITEA_TOKEN_FILE: file }
          yield* startHeadless("worker", {
            prompt: "work",
            forgeEnv,
            observe: ({ _tag }) =>
              Effect.sync(() => void (_tag === "Slug" && writeFileSync(file, "two words"))),
          })
          expect(sidecar.launches).toMatchObject([
            { forge: { target: forge.target, assignment: { issueNumber: 17, org: "bot-bottle" } } },
          ])
          const [config] = sidecar.launches
          expect(config?.forge && Redacted.value(config.forge.target.token)).toBe(TOKEN)
        }).pipe(Effect.scoped),
      { variables: {} },
    ),
  )

  const wrong: ReadonlyArray<readonly [string, AssignedForge, string?]> = [
    ["forge.target.owner", { ...forge, target: { ...forge.target, owner: ".." } }],
    ["forge.target.repo", { ...forge, target: { ...forge.target, repo: "cellar/../../eve" } }],
    ["forge.target.apiUrl", { ...forge, target: { ...forge.target, apiUrl: "file:///etc" } }],
    [
      "an address with a password",
      { ...forge, target: { ...forge.target, apiUrl: "https://ada:pw@git.example/api" } },
      "forge.target.apiUrl",
    ],
    ["forge.target.token", { ...forge, target: { ...forge.target, token: Redacted.make("a\r\nX-Evil: 1") } }],
    ["forge.target.kind", { ...forge, target: { ...forge.target, kind: "No Kind" } }],
    ["forge.assignment.issueNumber", { ...forge, assignment: { issueNumber: 0 } }],
    ["forge.assignment.prNumbers.1", { ...forge, assignment: { issueNumber: 1, prNumbers: [2, -3] } }],
    [
      "forge.assignment.closingKeywords.0",
      { ...forge, assignment: { issueNumber: 1, closingKeywords: ["a|b"] } },
    ],
  ]
  for (const [name, given, field = name] of wrong)
    it.effect(`that no forge can be is refused before anything is made: ${name}`, () =>
      inWorld({}, ({ sidecar }) =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(launch("worker", { prompt: "work", forge: given }))
          expect(error).toMatchObject({ _tag: "InvalidInput", field })
          expect(inspect(error)).not.toContain("X-Evil")
          expect(sidecar.launches).toEqual([])
        }),
      ),
    )

  it.effect("as an empty map is none, and values count before variables", () =>
    inWorld({}, () =>
      Effect.gen(function* () {
        expect(yield* assignedForge({})).toBeUndefined()
        expect(yield* assignedForge({ forgeEnv: {} })).toBeUndefined()
        expect(yield* assignedForge({ forge, forgeEnv: { FORGE_OWNER: "eve" } })).toEqual(forge)
      }),
    ),
  )

  it.effect("that cannot be read is no reason for a watcher to leave a working agent", () =>
    inWorld({}, () =>
      Effect.gen(function* () {
        const slug = yield* launch("worker", { prompt: "work", forge })
        yield* awaitExit(slug, { forgeEnv: { ...forgeVariables, FORGE_OWNER: "" } })
      }),
    ),
  )
})
