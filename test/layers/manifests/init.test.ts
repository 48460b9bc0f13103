import { describe, expect, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { execFileSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { Manifests } from "../../../src/services/Manifests.ts"
import { fileManifests, tempHome, writeTree } from "../../support/manifests.ts"

describe("init", () => {
  it.scoped("writes examples that are valid manifests, into a private home", () =>
    Effect.gen(function* () {
      const { root } = yield* tempHome()
      const home = join(root, "new/home")
      const manifests = yield* Effect.provide(Manifests, fileManifests(home))
      expect(yield* manifests.init).toEqual([
        join(home, "agents/hello.md"),
        join(home, "bottles/default.yaml"),
      ])
      expect(statSync(home).mode & 0o777).toBe(0o700)
      expect(readdirSync(join(home, "agents"))).toEqual(["hello.md"])
      const agent = yield* manifests.agent("hello")
      expect(agent).toMatchObject({ provider: "command", bottle: Option.some("default") })
      expect(yield* manifests.bottle(["default"])).toMatchObject({ image: "node:22-slim", user: "1000:1000" })
    }),
  )

  it.scoped("writes an agent that runs in any shell and repeats its prompt", () =>
    Effect.gen(function* () {
      const { home } = yield* tempHome()
      const manifests = yield* Effect.provide(Manifests, fileManifests(home))
      yield* manifests.init
      const [program, ...args] = Option.getOrThrow((yield* manifests.agent("hello")).command)
      const env = { PATH: process.env["PATH"], BOT_BOTTLE_SLUG: "hello-abcde", BOT_BOTTLE_RUN: "1" }
      expect(execFileSync(program, args, { env, input: "fix it", encoding: "utf8" })).toBe(
        "hello from bottle hello-abcde, run 1; my prompt is:\nfix it",
      )
    }),
  )

  it.scoped("overwrites nothing, names the file that is there, and leaves nothing behind", () =>
    Effect.gen(function* () {
      for (const there of ["agents/hello.md", "bottles/default.yaml"]) {
        const { home } = yield* tempHome()
        writeTree(home, { [there]: "mine" })
        const manifests = yield* Effect.provide(Manifests, fileManifests(home))
        expect(yield* Effect.flip(manifests.init)).toMatchObject({
          _tag: "ManifestInvalid",
          file: join(home, there),
        })
        expect(readFileSync(join(home, there), "utf8")).toBe("mine")
        const files = ["agents", "bottles"].flatMap((kind) =>
          existsSync(join(home, kind)) ? readdirSync(join(home, kind)) : [],
        )
        expect(files).toHaveLength(1)
      }
    }),
  )

  it.scoped("says so when the home cannot be written", () =>
    Effect.gen(function* () {
      const { root } = yield* tempHome()
      writeTree(root, { file: "" })
      const manifests = yield* Effect.provide(Manifests, fileManifests(join(root, "file")))
      expect((yield* Effect.flip(manifests.init)).message).toContain("expected a writable folder (E")
    }),
  )
})
