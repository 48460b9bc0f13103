/** verify: tries every way out that is promised to be closed, from inside a real bottle, and again after a rehydration. */
import { Effect, Option } from "effect"
import { LaunchRefused } from "../domain/Errors.ts"
import type { ProbeClass, ProbeResult } from "../domain/probes/Probe.ts"
import type { Slug } from "../domain/Slug.ts"
import { AGAIN, verificationManifest } from "../domain/Verification.ts"
import { Backends } from "../services/Backends.ts"
import { BottleStore } from "../services/BottleStore.ts"
import { Manifests } from "../services/Manifests.ts"
import { ProvingGround } from "../services/ProvingGround.ts"
import { destroy } from "./destroy.ts"
import { freeze } from "./freeze.ts"
import { performStart, prepareStart } from "./launch.ts"
import type { Verified, VerifyOptions } from "../services/Verifier.ts"
import { nothingToVerify } from "./requireVerified.ts"
import { DEFAULT_BACKEND } from "./resolveRun.ts"
import { performResume, prepareResume } from "./relaunch.ts"
import type { Prover } from "./tryProbes.ts"
import { makeProver } from "./tryProbes.ts"

/** Restricts a verification to a part. Only for tests: a partial verification must not count as a whole one. */
export interface PartOfVerify {
  /** Only probes of these classes. */
  readonly classes?: ReadonlyArray<ProbeClass>
  /** Whether to freeze the bottle and run its probes again. */
  readonly twice?: boolean
}

/**
 * Launches a bottle whose agent tries every way out, freezes it, and tries again. Returns the result of each probe. Image, user,
 * environment and egress are those of the manifest. Its routes and repositories are not used: credentials are made for this run only,
 * and the targets of probes are set up on this machine. Refused for a backend that promises nothing.
 */
export const verify = (options: VerifyOptions) => verifyPart(options, {})

/** The same for a part of the probes. */
export const verifyPart = Effect.fn("verify")(function* (options: VerifyOptions, part: PartOfVerify) {
  const { progress = () => Effect.void } = options
  const manifest = yield* manifestOf(options)
  const backend = yield* (yield* Backends).get(options.backend ?? manifest.backend ?? DEFAULT_BACKEND)
  const reason = nothingToVerify(backend)
  if (reason !== undefined) return yield* new LaunchRefused({ reason })
  const engine = yield* backend.check
  yield* progress(`${engine}: preparing the targets of the probes`)
  const ground = yield* (yield* ProvingGround).prepare
  const prover = yield* makeProver({
    backend,
    ground,
    manifest: verificationManifest(manifest, ground.manifest),
    ...(part.classes !== undefined && { classes: part.classes }),
  })
  const launched = { slug: Option.none<Slug>() }
  const { probes, imageDigest } = yield* rounds(prover, options, part, (slug) => {
    launched.slug = Option.some(slug)
  }).pipe(
    Effect.ensuring(
      Effect.suspend(() =>
        Option.match(launched.slug, {
          onNone: () => Effect.void,
          onSome: (slug) =>
            Effect.catchAll(destroy(slug), (error) =>
              Effect.logWarning(`${error.message}: "bot-bottle gc" removes what is left of it`),
            ),
        }),
      ),
    ),
  )
  const verified: Verified = {
    ok: probes.every(({ ok }) => ok),
    probes,
    backend: backend.name,
    engine,
    imageDigest,
  }
  return verified
}, Effect.scoped)

const manifestOf = Effect.fn("verify.manifest")(function* ({ bottles = [], manifest, cwd }: VerifyOptions) {
  if (manifest !== undefined) return manifest
  return yield* (yield* Manifests).bottle(bottles, cwd === undefined ? {} : { cwd })
})

const rounds = Effect.fn("verify.rounds")(function* (
  prover: Prover,
  { progress = () => Effect.void }: VerifyOptions,
  { twice = true }: PartOfVerify,
  onSlug: (slug: Slug) => void,
) {
  const { backend, forgeEnv } = prover
  yield* progress("launching a bottle whose agent tries every way out")
  const slug = yield* prover.within(
    Effect.gen(function* () {
      const start = { backend: backend.name, forgeEnv, label: "verify" }
      const prepared = yield* prepareStart("verify", start, Option.some(prover.prompt))
      return yield* performStart(prepared, (bottle) =>
        Effect.sync(() => {
          onSlug(bottle.slug)
          prover.aim(bottle.slug, 1)
          return Effect.void
        }),
      )
    }),
  )
  const first = yield* prover.judge(slug)
  const second = twice ? yield* secondRound(prover, slug, progress) : []
  const row = yield* (yield* BottleStore).get(slug)
  return {
    probes: [...first, ...second.map(again)],
    imageDigest: Option.getOrElse(
      Option.flatMap(row, ({ imageDigest }) => imageDigest),
      () => "",
    ),
  }
})

const secondRound = Effect.fn("verify.again")(function* (
  prover: Prover,
  slug: Slug,
  progress: (text: string) => Effect.Effect<void>,
) {
  const { backend, forgeEnv, prompt } = prover
  yield* progress("freezing and rehydrating it, then trying again")
  yield* freeze(slug)
  prover.aim(slug, 2)
  const prepare = prepareResume(slug, { backend: backend.name, forgeEnv }, Option.some(prompt))
  yield* prover.within(Effect.flatMap(prepare, performResume))
  return yield* prover.judge(slug)
})

const again = (result: ProbeResult): ProbeResult => ({ ...result, name: `${AGAIN}${result.name}` })
