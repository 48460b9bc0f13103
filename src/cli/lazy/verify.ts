/** What `verify` needs besides the program: a temporary home, the operator's manifests, and an image when no bottle is named. */
import { FileSystem } from "@effect/platform"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Effect, Layer } from "effect"
import { ensureDemoImageOn } from "../../layers/docker/demoImage.ts"
import { docker } from "../../layers/docker/dialect.ts"
import { Home, homeAt } from "../../layers/home/Home.ts"
import { installationId } from "../../layers/home/installation.ts"
import { layer as live, lookups } from "../../layers/live.ts"
import { podman } from "../../layers/podman/dialect.ts"
import * as NodeProcessRunner from "../../layers/process/NodeProcessRunner.ts"
import { DEFAULT_BACKEND } from "../../programs/resolveRun.ts"
import type { VerifyOptions } from "../../services/Verifier.ts"
import { verify as verifyProgram } from "../../programs/verify.ts"
import { Manifests } from "../../services/Manifests.ts"
import * as ProvingGround from "../../layers/ground/ProvingGround.ts"

const DIALECTS = { docker, podman }

/** Verifies a bottle of these manifests, or of the demo's image, and removes everything of it. */
export const verify = Effect.fn("cli.verify")(
  function* (options: VerifyOptions) {
    const manifests = yield* Effect.provide(Manifests, lookups)
    const isNamed = options.manifest !== undefined || (options.bottles ?? []).length > 0
    const manifest = isNamed ? {} : { manifest: yield* demoBottle(options) }
    return yield* verifyProgram({ ...options, ...manifest }).pipe(
      Effect.provide(ProvingGround.layer),
      Effect.provideService(Manifests, manifests),
      Effect.provide(live),
      Effect.provideServiceEffect(Home, ownHome),
    )
  },
  Effect.scoped,
  Effect.provide(Layer.merge(NodeFileSystem.layer, NodeProcessRunner.layer)),
)

/** Backends that are not docker-like are refused before an image is inspected. */
const demoBottle = Effect.fnUntraced(function* ({ backend = DEFAULT_BACKEND }: VerifyOptions) {
  const dialect = Object.hasOwn(DIALECTS, backend) ? DIALECTS[backend as keyof typeof DIALECTS] : undefined
  return dialect === undefined ? {} : { image: yield* ensureDemoImageOn(dialect) }
})

/**
 * Rows, state and upstream objects are removed with the command. Sockets are where the operator's bottles have them. It uses the
 * operator's installation ID, so that `gc` finds what a killed command left on the engine.
 */
const ownHome = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const home = yield* Home
  const id = yield* installationId(home)
  const root = yield* fs.makeTempDirectoryScoped({ prefix: "bot-bottle-verify-" })
  const own = homeAt(root, home.runRoot)
  yield* fs.writeFileString(own.installation, `${id}\n`, { mode: 0o600 })
  return own
})
