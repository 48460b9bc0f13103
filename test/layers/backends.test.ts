import { expect, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { BackendUnavailable } from "../../src/domain/Errors.ts"
import * as LiveBackends from "../../src/layers/backends.ts"
import * as NodeProcessRunner from "../../src/layers/process/NodeProcessRunner.ts"
import { Backends } from "../../src/services/Backends.ts"
import * as FakeBackend from "../../src/testing/FakeBackend.ts"

it.effect("a backend is built at its first get, again after it failed, and found by its alias", () =>
  Effect.gen(function* () {
    let built = 0
    const make = Effect.suspend(() => {
      built += 1
      return built === 1
        ? Effect.fail(new BackendUnavailable({ backend: "smolvm", reason: "not yet" }))
        : Effect.map(FakeBackend.make({ name: "smolvm" }), ({ backend }) => backend)
    })
    const layer = Layer.provide(LiveBackends.layer({ smolvm: make }), NodeProcessRunner.layer)
    yield* Effect.gen(function* () {
      const backends = yield* Backends
      expect([backends.names, built]).toEqual([["smolvm"], 0])
      expect(yield* Effect.flip(backends.get("smolvm"))).toMatchObject({ _tag: "BackendUnavailable" })
      const one = yield* backends.get("smolmachines")
      expect(yield* backends.get("smolvm")).toBe(one)
      expect(built).toBe(2)
      for (const name of ["nope", "constructor"]) {
        expect(yield* Effect.flip(backends.get(name))).toMatchObject({
          _tag: "BackendNotFound",
          known: ["smolvm"],
        })
      }
    }).pipe(Effect.provide(layer))
  }),
)
