/** requireVerified and makeVerifier: let an image launch on an engine for the first time only after a verification passes. */
import { Effect, Option } from "effect"
import { LaunchRefused } from "../domain/Errors.ts"
import type { BottleManifest } from "../domain/Manifest.ts"
import { neutralLine } from "../domain/Neutral.ts"
import { VERSION } from "../domain/Version.ts"
import type { Backend } from "../services/Backends.ts"
import { VerificationStore } from "../services/VerificationStore.ts"
import type { VerificationRequest, Verified, VerifyOptions } from "../services/Verifier.ts"
import { Verifier } from "../services/Verifier.ts"
import { nowIso } from "./clock.ts"

/** Calls the program's Verifier. Without one, a launch that needs verification is refused. */
export const requireVerified = Effect.fn("requireVerified")(function* (
  manifest: BottleManifest,
  backend: Backend,
  imageDigest: string,
) {
  const verifier = yield* Effect.serviceOption(Verifier)
  if (Option.isNone(verifier)) {
    return yield* refuse("this program has no Verifier: provide one (docs/library.md)")
  }
  yield* verifier.value.require({ manifest, backend, imageDigest })
})

/** Makes a Verifier that remembers passed verifications. A program that cannot verify refuses the launch. */
export const makeVerifier = <E extends { readonly message: string }, R>(
  verify: (options: VerifyOptions) => Effect.Effect<Verified, E, R>,
): Effect.Effect<typeof Verifier.Service, never, R | VerificationStore> =>
  Effect.map(Effect.context<R | VerificationStore>(), (context) =>
    Verifier.of({
      require: (request) =>
        perform(verify, request).pipe(
          Effect.provide(context),
          Effect.catchAll((error) =>
            error instanceof LaunchRefused ? error : refuse(`verification failed: ${error.message}`),
          ),
        ),
    }),
  )

/** Backends that isolate, but whose isolation is not promised yet. */
const UNPROVEN: ReadonlySet<string> = new Set(["smolvm"])

/** Why a backend has nothing to verify, if so. */
export const nothingToVerify = ({ name, warning }: Pick<Backend, "name" | "warning">): string | undefined => {
  if (Option.isSome(warning)) {
    return `the ${name} backend isolates nothing, so there is nothing to verify: use docker or podman`
  }
  return UNPROVEN.has(name)
    ? `no isolation is promised for the ${name} backend yet (docs/security.md): use docker or podman`
    : undefined
}

const perform = Effect.fn("Verifier.require")(function* <E, R>(
  verify: (options: VerifyOptions) => Effect.Effect<Verified, E, R>,
  { manifest, backend, imageDigest }: VerificationRequest,
) {
  const store = yield* VerificationStore
  const engine = yield* backend.check
  const key = { image: imageDigest, engine, version: VERSION }
  if (Option.isSome(yield* store.passedAt(key))) return
  yield* Effect.logInfo(
    `verify: required, and this image is new to ${engine}: verifying a bottle of it first`,
  )
  const found = yield* verify({ manifest, backend: backend.name })
  const [first, ...others] = found.probes.filter(({ ok }) => !ok)
  if (first !== undefined) {
    const more = others.length === 0 ? "" : `, and ${others.length} more`
    return yield* refuse(
      `"${first.name}" is not as promised (expected ${first.expected}, seen: ${neutralLine(first.seen)})${more}: "bot-bottle verify --bottle B" shows all`,
    )
  }
  if (found.imageDigest !== imageDigest || found.engine !== engine) {
    return yield* refuse(
      `image ${found.imageDigest} on ${found.engine} was verified, but image ${imageDigest} on ${engine} would be launched: launch again`,
    )
  }
  yield* store.record(key, yield* nowIso)
})

const refuse = (reason: string) =>
  Effect.fail(new LaunchRefused({ reason: `verify: required, and ${reason}` }))
