import { describe, expect, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Machine from "../../../src/layers/sidecar/machine.ts"
import { routeParts as routePartsWith } from "../../../src/layers/sidecar/routeParts.ts"
import type { SidecarConfig } from "../../../src/services/Sidecar.ts"
import { Slug } from "../../../src/domain/Slug.ts"
import { tempDir } from "../../support/tempDir.ts"

const KEY = "sk-real-0123456789abcdefghij"
const NAME = "BOT_BOTTLE_TEST_ROUTE_KEY"

const config = (secret: SidecarConfig["routes"][string]["secret"], more: object = {}): SidecarConfig => ({
  slug: Slug.make("door-abcde"),
  push: [],
  routes: { api: { upstream: "https://api.example", header: "x-api-key", secret, ...more } },
  egress: { allow: [] },
  git: {},
  loopback: false,
})

const withVariable = (value: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      process.env[NAME] = value
    }),
    () => Effect.sync(() => delete process.env[NAME]),
  )

const routeParts = (given: SidecarConfig) => Effect.provide(routePartsWith(given), Machine.layer)
const valueOf = (given: SidecarConfig) =>
  Effect.map(routeParts(given), ([part]) => part && Redacted.value(part.value))
const problemOf = (given: SidecarConfig) =>
  Effect.map(Effect.flip(routeParts(given)), ({ message }) => message)

describe("the secret of a route", () => {
  it.scoped("is read from the host's environment or from a file, without the newline at its end", () =>
    Effect.gen(function* () {
      yield* withVariable(KEY)
      expect(yield* valueOf(config({ env: NAME }))).toBe(KEY)
      const file = join(yield* tempDir, "key")
      writeFileSync(file, `${KEY}\n`)
      expect(yield* valueOf(config({ file }))).toBe(KEY)
    }),
  )

  it.scoped(
    "that is missing, empty or not one line is an error that names where it should be, and never holds it",
    () =>
      Effect.gen(function* () {
        expect(yield* problemOf(config({ env: NAME }))).toMatch(
          /route "api": .*BOT_BOTTLE_TEST_ROUTE_KEY, which is not set/,
        )
        const file = join(yield* tempDir, "key")
        expect(yield* problemOf(config({ file }))).toContain(`${file}, which cannot be read (ENOENT)`)
        expect(yield* problemOf(config({ file: "key" }))).toMatch(/absolute path or begin with ~/)
        yield* withVariable("")
        expect(yield* problemOf(config({ env: NAME }))).toContain(`the variable ${NAME} is empty`)
        writeFileSync(file, `${KEY}\nsecond line\n`)
        const problem = yield* problemOf(config({ file }))
        expect(problem).toContain(`the file ${file}: must be one line of plain text`)
        expect(problem).not.toContain("sk-real")
      }),
  )

  it.scoped("is not asked for twice: a route that cannot be served is refused at the same time", () =>
    Effect.gen(function* () {
      yield* withVariable(KEY)
      expect(yield* problemOf(config({ env: NAME }, { upstream: "http://api.example" }))).toContain(
        'route "api": upstream: plain http needs private: true',
      )
    }),
  )
})

describe("a route to a model API", () => {
  it.scoped("allows to ask models and to list them, and no more, unless it says otherwise", () =>
    Effect.gen(function* () {
      yield* withVariable(KEY)
      const allowOf = (more: object) =>
        Effect.map(routeParts(config({ env: NAME }, more)), ([part]) => part?.allow)
      const own = yield* allowOf({ upstream: "https://api.openai.com" })
      expect(own).toContain("POST /v1/responses")
      expect(own?.join("\n")).not.toMatch(/files|batches|fine/)
      expect(yield* allowOf({ upstream: "https://API.openai.com:443/v1/" })).toContain("POST /responses")
      expect(yield* allowOf({ upstream: "https://api.openai.com", allow: ["* /*"] })).toEqual(["* /*"])
      expect(yield* allowOf({ upstream: "https://api.example" })).toBeUndefined()
    }),
  )
})
