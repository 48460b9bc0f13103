/** A world of fakes for tests of programs: every service in memory, and what a test steers and looks at. */
import { ConfigProvider, Effect, Layer } from "effect"
import * as MemoryBottleStore from "../../src/layers/memory/MemoryBottleStore.ts"
import * as MemoryForgeStateStore from "../../src/layers/memory/MemoryForgeStateStore.ts"
import * as LiveProviders from "../../src/layers/providers/LiveProviders.ts"
import { Backends } from "../../src/services/Backends.ts"
import { BottleStore } from "../../src/services/BottleStore.ts"
import type { BottleManifest } from "../../src/domain/Manifest.ts"
import { BackendNotFound } from "../../src/domain/Errors.ts"
import { Forges } from "../../src/services/Forges.ts"
import { ForgeStateStore } from "../../src/services/ForgeStateStore.ts"
import { Manifests } from "../../src/services/Manifests.ts"
import type { ProvenanceStore } from "../../src/services/ProvenanceStore.ts"
import { Providers } from "../../src/services/Providers.ts"
import type { SidecarServices } from "../../src/services/SidecarServices.ts"
import * as FakeBackend from "../../src/testing/FakeBackend.ts"
import type { FakeScript } from "../../src/testing/FakeBackend.ts"
import * as FakeForge from "../../src/testing/FakeForge.ts"
import * as FakeSidecar from "../../src/testing/FakeSidecar.ts"
import * as MemoryManifests from "../../src/testing/MemoryManifests.ts"

/** Variables of an orchestrated run. */
export const forgeVariables: Record<string, string> = {
  FORGE_GITEA_API: "http://git.example/api/v1",
  FORGE_GITEA_TOKEN: "0123456789abcdef0123456789abcdef01234567",
  FORGE_OWNER: "ada",
  FORGE_REPO: "cellar",
  FORGE_ISSUE_NUMBER: "17",
  FORGE_PR_NUMBER: "",
}

type Services =
  | Backends
  | BottleStore
  | Forges
  | ForgeStateStore
  | Manifests
  | ProvenanceStore
  | Providers
  | SidecarServices

/** Runs a test in a world whose agents follow `script`. */
export const inWorld = <A, E>(
  script: FakeScript,
  test: (world: {
    readonly fake: FakeBackend.FakeBackend
    readonly sidecar: FakeSidecar.FakeSidecar
    /** Holds `ada/cellar` with the issues 17 and 18; the token is of `cellar-bot`. */
    readonly forge: FakeForge.FakeForge
  }) => Effect.Effect<A, E, Services>,
  options: { readonly bottle?: BottleManifest; readonly variables?: Record<string, string> } = {},
): Effect.Effect<A, E> =>
  Effect.gen(function* () {
    const fake = yield* FakeBackend.make(script)
    const sidecar = yield* FakeSidecar.make
    const forge = yield* FakeForge.make({
      owner: "ada",
      repo: "cellar",
      self: "cellar-bot",
      issues: [17, 18].map((number) => ({ number, title: `Issue ${number}` })),
    })
    const other = yield* FakeBackend.make({ name: "other" })
    const known = [fake.backend, other.backend]
    const backends = Layer.succeed(
      Backends,
      Backends.of({
        names: ["fake"],
        get: (asked) => {
          const name = asked === "alias" ? "fake" : asked
          const backend = known.find((candidate) => candidate.name === name)
          return backend === undefined
            ? Effect.fail(new BackendNotFound({ backend: asked, known: known.map((one) => one.name) }))
            : Effect.succeed(backend)
        },
        workspace: (root) => Effect.succeed({ root, tracked: ["a"], untracked: [] }),
      }),
    )
    const layers = Layer.mergeAll(
      backends,
      MemoryBottleStore.layer,
      MemoryForgeStateStore.layer,
      LiveProviders.layer,
      Layer.succeedContext(sidecar.services),
      FakeForge.forges(forge),
      MemoryManifests.layer({
        agents: {
          worker: { bottle: "plain", command: ["agent"] },
          homeless: { command: ["agent"] },
          thinker: { bottle: "plain", provider: "claude" },
          stray: { bottle: "plain", provider: "pi", model: "lan/some-model" },
        },
        bottles: { plain: { image: "image", backend: "fake", ...options.bottle } },
      }),
    )
    return yield* test({ fake, sidecar, forge }).pipe(
      Effect.provide(layers),
      Effect.withConfigProvider(
        ConfigProvider.fromMap(new Map(Object.entries(options.variables ?? forgeVariables))),
      ),
    )
  })

/** An agent that works until it is stopped. */
export const endless: FakeScript = { agent: () => Effect.never }
