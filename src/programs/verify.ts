/** verify: tries, from inside of a real bottle, every way out that is promised to be closed; and again after a rehydration. */
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

/** A part of a verification, for tests: no one else is to take a part for the whole. */
export interface PartOfVerify {
  /** Probes of these classes alone. */
  readonly classes?: ReadonlyArray<ProbeClass>
  /** Whether the bottle is frozen, and its probes tried again. */
  readonly twice?: boolean
}

/**
 * Launches a bottle whose agent tries every way out, freezes it, and lets it try again; answers what was seen of each.
 * Image, user, environment and egress are the manifest's. Its routes and repositories are not used: credentials are
 * made for this run alone, and what probes aim at is set up on this machine. Refused for a backend that promises nothing.
 */
export const verify = (options: VerifyOptions) => verifyPart(options, {})

/** The same of a part of the probes. */
export const verifyPart = Effect.fn("verify")(function* (options: VerifyOptions, part: PartOfVerify) {
  const { progress = () => Effect.void } = options
  const manifest = yield* manifestOf(options)
  const backend = yield* (yield* Backends).get(options.backend ?? manifest.backend ?? DEFAULT_BACKEND)
  const reason = nothingToVerify(backend)
  if (reason !== undefined) return yield* new LaunchRefused({ reason })
  const engine = yield* backend.check
  yield* progress(`${engine}: making the ground for the probes`)
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
  yield* progress("a bottle is launched, and its agent tries every way out")
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
  yield* progress("it is frozen, rehydrated, and tries again")
  yield* freeze(slug)
  prover.aim(slug, 2)
  const prepare = prepareResume(slug, { backend: backend.name, forgeEnv }, Option.some(prompt))
  yield* prover.within(Effect.flatMap(prepare, performResume))
  return yield* prover.judge(slug)
})

const again = (result: ProbeResult): ProbeResult => ({ ...result, name: `${AGAIN}${result.name}` })
