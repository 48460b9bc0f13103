/** `verify: required`, and what `verify` refuses, in a world of fakes. */
import { expect, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import type { ProbeResult } from "../../src/domain/probes/Probe.ts"
import { LaunchRefused } from "../../src/domain/Errors.ts"
import * as MemoryVerificationStore from "../../src/layers/memory/MemoryVerificationStore.ts"
import { makeVerifier } from "../../src/programs/requireVerified.ts"
import { startHeadless } from "../../src/programs/startHeadless.ts"
import type { Verified, VerifyOptions } from "../../src/services/Verifier.ts"
import { verify } from "../../src/programs/verify.ts"
import { type Backend, Backends } from "../../src/services/Backends.ts"
import { BottleStore } from "../../src/services/BottleStore.ts"
import { ProvingGround } from "../../src/services/ProvingGround.ts"
import { Verifier } from "../../src/services/Verifier.ts"
import { inWorld } from "./world.ts"

const required = { bottle: { verify: "required" as const } }
const start = startHeadless("worker", { prompt: "Go" })

const probe: ProbeResult = {
  name: "a way out",
  class: "network",
  expected: "none",
  seen: "connected",
  ok: false,
}

const inBackend = (backend: Backend) =>
  Effect.provideService(
    Backends,
    Backends.of({
      names: [backend.name],
      get: () => Effect.succeed(backend),
      workspace: () => Effect.dieMessage("no workspace is asked for"),
    }),
  )

/** A Verifier whose verifications find this, and how often it verified. */
const finding = (found: (options: VerifyOptions) => Partial<Verified>) =>
  Effect.gen(function* () {
    const counted = { times: 0 }
    const verifier = yield* makeVerifier((options) =>
      Effect.gen(function* () {
        counted.times += 1
        const row = (yield* (yield* BottleStore).all).at(-1)
        return {
          ok: true,
          probes: [{ ...probe, ok: true }],
          backend: options.backend ?? "",
          engine: "fake",
          imageDigest: Option.getOrElse(row?.imageDigest ?? Option.none<string>(), () => ""),
          ...found(options),
        }
      }),
    )
    return { counted, verifier }
  }).pipe(Effect.provide(MemoryVerificationStore.layer))

it.effect(
  "a bottle that must be verified is launched by no program without a Verifier, and nothing of it stays",
  () =>
    inWorld(
      {},
      ({ fake }) =>
        Effect.gen(function* () {
          expect(yield* Effect.flip(start)).toMatchObject({
            _tag: "LaunchRefused",
            reason: expect.stringMatching(/no Verifier/),
          })
          expect(yield* (yield* BottleStore).all).toEqual([])
          expect((yield* fake.steps).some((step) => step.startsWith("start "))).toBe(false)
        }),
      required,
    ),
)

it.effect("an image is verified once for an engine, before its first agent starts", () =>
  inWorld(
    {},
    ({ fake }) =>
      Effect.gen(function* () {
        const { counted, verifier } = yield* finding(() => ({ engine: "" }))
        const engine = yield* fake.backend.check
        const { verifier: good, counted: times } = yield* finding(() => ({ engine }))
        const refused = yield* Effect.flip(Effect.provideService(start, Verifier, verifier))
        expect(refused).toMatchObject({
          _tag: "LaunchRefused",
          reason: expect.stringMatching(/was verified, but image/),
        })
        expect(counted.times).toBe(1)
        yield* Effect.provideService(start, Verifier, good)
        yield* Effect.provideService(start, Verifier, good)
        expect(times.times).toBe(1)
      }),
    required,
  ),
)

it.effect("a hole refuses the launch by its name, and is looked for again at the next", () =>
  inWorld(
    {},
    () =>
      Effect.gen(function* () {
        const { counted, verifier } = yield* finding(() => ({ ok: false, probes: [probe] }))
        for (const times of [1, 2]) {
          expect(yield* Effect.flip(Effect.provideService(start, Verifier, verifier))).toMatchObject({
            _tag: "LaunchRefused",
            reason: expect.stringMatching(/"a way out" is not as promised .*seen: connected/),
          })
          expect(counted.times).toBe(times)
        }
        expect(yield* (yield* BottleStore).all).toEqual([])
      }),
    required,
  ),
)

it.effect("a verification that cannot be done refuses the launch", () =>
  inWorld(
    {},
    () =>
      Effect.gen(function* () {
        const verifier = yield* makeVerifier(() =>
          Effect.fail(new LaunchRefused({ reason: "no ground" })),
        ).pipe(Effect.provide(MemoryVerificationStore.layer))
        expect(yield* Effect.flip(Effect.provideService(start, Verifier, verifier))).toMatchObject({
          _tag: "LaunchRefused",
        })
      }),
    required,
  ),
)

it.effect("a backend that isolates nothing is refused before anything is made", () =>
  inWorld({}, ({ fake }) =>
    Effect.gen(function* () {
      const ground = ProvingGround.of({ prepare: Effect.dieMessage("no ground is made") })
      const warned = { ...fake.backend, warning: Option.some("it isolates nothing") }
      const refused = yield* Effect.flip(
        Effect.provideService(
          verify({ manifest: { image: "image" }, backend: "fake" }),
          ProvingGround,
          ground,
        ).pipe(inBackend(warned)),
      )
      expect(refused).toMatchObject({
        _tag: "LaunchRefused",
        reason: expect.stringMatching(/isolates nothing/),
      })
    }),
  ),
)
