/** Verifications with holes of a test's own: what an engine is told, what a sidecar is to serve, and what a ground's secrets are, changed on their way. */
import { Effect, Layer } from "effect"
import type { BottleManifest } from "../../src/domain/Manifest.ts"
import * as LiveBackends from "../../src/layers/backends.ts"
import * as DockerBackend from "../../src/layers/docker/DockerBackend.ts"
import type { DockerOptions } from "../../src/layers/docker/DockerBackend.ts"
import { Home, homeAt } from "../../src/layers/home/Home.ts"
import * as MemoryBottleStore from "../../src/layers/memory/MemoryBottleStore.ts"
import * as MemoryForgeStateStore from "../../src/layers/memory/MemoryForgeStateStore.ts"
import * as NodeProcessRunner from "../../src/layers/process/NodeProcessRunner.ts"
import * as SidecarInProcess from "../../src/layers/sidecar/SidecarInProcess.ts"
import { type PartOfVerify, verifyPart } from "../../src/programs/verify.ts"
import { ProcessRunner } from "../../src/services/ProcessRunner.ts"
import { type Ground, ProvingGround } from "../../src/services/ProvingGround.ts"
import { Sidecar, type SidecarConfig } from "../../src/services/Sidecar.ts"
import * as MemoryManifests from "../../src/testing/MemoryManifests.ts"
import * as GroundHere from "../../src/layers/ground/ProvingGround.ts"
import { tempDir } from "./tempDir.ts"

/** What is opened on purpose. */
export interface Hole {
  /** Arguments of `create`, as the engine gets them. */
  readonly create?: (args: ReadonlyArray<string>) => ReadonlyArray<string>
  readonly sidecar?: (config: SidecarConfig) => SidecarConfig
  readonly ground?: (ground: Ground) => Ground
}

/** What is verified, and where. */
export interface Tried extends PartOfVerify {
  readonly manifest: BottleManifest
  /** docker's unless given. */
  readonly engine?: DockerOptions
}

/** Verifies with a hole; everything real but the stores. */
export const verifyWith = ({ manifest, engine = {}, ...part }: Tried, hole: Hole = {}) =>
  Effect.gen(function* () {
    const home = homeAt(yield* tempDir)
    const runner = yield* ProcessRunner
    const rewrite = <S extends { readonly args: ReadonlyArray<string> }>(spec: S): S => {
      const at = spec.args.indexOf("create")
      return at === -1 || !spec.args.includes("--entrypoint") || hole.create === undefined
        ? spec
        : { ...spec, args: hole.create(spec.args) }
    }
    const rewriting = ProcessRunner.of({
      ...runner,
      run: (spec) => runner.run(rewrite(spec)),
      stream: (spec) => runner.stream(rewrite(spec)),
    })
    const name = engine.dialect?.name ?? "docker"
    const backends = LiveBackends.layer({ [name]: DockerBackend.makeWith(engine) }).pipe(
      Layer.provide(Layer.succeed(ProcessRunner, rewriting)),
    )
    const sidecar = Layer.map(SidecarInProcess.layer, (context) => context)
    const inner = Effect.gen(function* () {
      const served = yield* Sidecar
      const ground = yield* ProvingGround
      return yield* verifyPart({ manifest, backend: name }, part).pipe(
        Effect.provideService(
          Sidecar,
          Sidecar.of({
            ...served,
            launch: (config) => served.launch(hole.sidecar?.(config) ?? config),
          }),
        ),
        Effect.provideService(
          ProvingGround,
          ProvingGround.of({
            prepare: Effect.map(ground.prepare, (made) => hole.ground?.(made) ?? made),
          }),
        ),
      )
    })
    return yield* inner.pipe(
      Effect.provide(
        Layer.mergeAll(
          backends,
          sidecar,
          GroundHere.layer,
          MemoryBottleStore.layer,
          MemoryForgeStateStore.layer,
          MemoryManifests.layer({ agents: {}, bottles: {} }),
        ),
      ),
      Effect.provideService(Home, home),
    )
  }).pipe(Effect.provide(NodeProcessRunner.layer))

/** The options of `create` without some, each with its value. */
export const without = (args: ReadonlyArray<string>, option: string, value: RegExp): ReadonlyArray<string> =>
  args.filter(
    (arg, at) =>
      !(arg === option && value.test(args[at + 1] ?? "")) && !(args[at - 1] === option && value.test(arg)),
  )

/** The options of `create` with more. */
export const more = (args: ReadonlyArray<string>, ...added: ReadonlyArray<string>): ReadonlyArray<string> => {
  const at = args.indexOf("create") + 1
  return [...args.slice(0, at), ...added, ...args.slice(at)]
}
