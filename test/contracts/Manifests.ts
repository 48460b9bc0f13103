/** What every layer of Manifests does: a suite that is run over each of them. */
import { expect, it } from "@effect/vitest"
import type { Layer } from "effect"
import { Effect, Option } from "effect"
import { AgentNotFound, ManifestInvalid } from "../../src/domain/Errors.ts"
import { Manifests } from "../../src/services/Manifests.ts"

/** What the layer under test must have: agents `hello` (below) and `other`, bottles `base` and `more`. */
export const helloPrompt = "Be kind."
export const base = { image: "one", env: { A: "1", B: "1" }, egress: { allow: ["a"] } }
export const more = { image: "two", env: { B: "2" }, egress: { allow: ["b", "a"] } }

/** Runs the suite over a layer that has them. */
export const manifestsContract = (layer: Layer.Layer<Manifests>): void => {
  it.effect("gives an agent by name", () =>
    Effect.gen(function* () {
      expect(yield* (yield* Manifests).agent("hello")).toEqual({
        name: "hello",
        provider: "command",
        bottle: Option.some("base"),
        model: Option.none(),
        description: Option.some("says hello"),
        command: Option.some(["sh", "-c", "cat"]),
        systemPrompt: helloPrompt,
      })
    }).pipe(Effect.provide(layer)),
  )

  it.effect("tells of an unknown agent, of what there is and of what to do", () =>
    Effect.gen(function* () {
      for (const name of ["helo", "", "../hello", "a".repeat(5000), "__proto__", "constructor", "x\0"]) {
        const error = yield* Effect.flip((yield* Manifests).agent(name))
        expect(error).toBeInstanceOf(AgentNotFound)
        expect(error).toMatchObject({ agent: name })
        expect(error.message).toContain("known are hello, other")
      }
    }).pipe(Effect.provide(layer)),
  )

  it.effect("merges the bottles of the given names in their order", () =>
    Effect.gen(function* () {
      const manifests = yield* Manifests
      expect(yield* manifests.bottle([])).toEqual({})
      expect(yield* manifests.bottle(["base"])).toEqual(base)
      expect(yield* manifests.bottle(["base", "more"])).toEqual({
        image: "two",
        env: { A: "1", B: "2" },
        egress: { allow: ["a", "b"] },
      })
      expect((yield* manifests.bottle(["more", "base"])).image).toBe("one")
    }).pipe(Effect.provide(layer)),
  )

  it.effect("tells of an unknown bottle by its file", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip((yield* Manifests).bottle(["base", "nope"]))
      expect(error).toBeInstanceOf(ManifestInvalid)
      expect(error.file).toContain("bottles/nope.yaml")
      expect(error.message).toContain("known are base, more")
      for (const name of ["../base", "__proto__", ""])
        expect(yield* Effect.flip((yield* Manifests).bottle([name]))).toBeInstanceOf(ManifestInvalid)
    }).pipe(Effect.provide(layer)),
  )

  it.effect("lists what there is, by name", () =>
    Effect.gen(function* () {
      const list = yield* (yield* Manifests).list()
      expect(list.agents.map(({ description, name }) => [name, description])).toEqual([
        ["hello", "says hello"],
        ["other", ""],
      ])
      expect(list.bottles.map(({ description, name }) => [name, description])).toEqual([
        ["base", "one"],
        ["more", "two"],
      ])
    }).pipe(Effect.provide(layer)),
  )

  it.effect("has nothing to trust where there is no project", () =>
    Effect.gen(function* () {
      const manifests = yield* Manifests
      expect(yield* manifests.describeProject("/")).toMatchObject({
        directory: "/",
        state: "absent",
        files: [],
      })
      expect((yield* Effect.flip(manifests.trust("/"))).message).toContain("nothing to trust")
    }).pipe(Effect.provide(layer)),
  )
}
