/** What every VerificationStore does, whatever keeps its rows. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, type Layer, Option } from "effect"
import { VerificationStore } from "../../src/services/VerificationStore.ts"

const key = { image: "sha256:aa", engine: "docker engine 20.10.24", version: "0.1.0" }

/** Runs the contract over a layer that makes an empty store. */
export const verificationStoreContract = <E>(
  name: string,
  layer: Layer.Layer<VerificationStore, E>,
): void => {
  describe(`VerificationStore over ${name}`, () => {
    it.effect("knows nothing that was not recorded, and what was by image, engine and version", () =>
      Effect.gen(function* () {
        const store = yield* VerificationStore
        expect(yield* store.passedAt(key)).toEqual(Option.none())
        yield* store.record(key, "2026-11-20T10:00:00.000Z")
        expect(yield* store.passedAt(key)).toEqual(Option.some("2026-11-20T10:00:00.000Z"))
        for (const other of [
          { image: "sha256:ab" },
          { engine: "podman engine 4.3.1" },
          { version: "0.2.0" },
        ]) {
          expect(yield* store.passedAt({ ...key, ...other })).toEqual(Option.none())
        }
      }).pipe(Effect.provide(layer)),
    )

    it.effect("keeps the later time of two", () =>
      Effect.gen(function* () {
        const store = yield* VerificationStore
        yield* store.record(key, "2026-11-20T10:00:00.000Z")
        yield* store.record(key, "2026-11-21T10:00:00.000Z")
        expect(yield* store.passedAt(key)).toEqual(Option.some("2026-11-21T10:00:00.000Z"))
      }).pipe(Effect.provide(layer)),
    )
  })
}
