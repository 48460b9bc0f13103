/** Verifier makes sure that the image of a manifest with `verify: required` was verified before it is launched. */
import type { Effect } from "effect"
import { Context } from "effect"
import type { LaunchRefused } from "../domain/Errors.ts"
import type { BottleManifest } from "../domain/Manifest.ts"
import type { Verification } from "../domain/probes/Probe.ts"
import type { Backend } from "./Backends.ts"

/** What is about to be launched. */
export interface VerificationRequest {
  readonly manifest: BottleManifest
  readonly backend: Backend
  /** Digest of the image to launch. */
  readonly imageDigest: string
}

/** Options of `verify`. */
export interface VerifyOptions {
  /** The bottle as its manifests have it, merged in order. */
  readonly bottles?: ReadonlyArray<string>
  /** Or a manifest that is not in a file. */
  readonly manifest?: BottleManifest
  /** Overrides that of the manifest. */
  readonly backend?: string
  readonly cwd?: string
  /** Called with a line about each next step. */
  readonly progress?: (text: string) => Effect.Effect<void>
}

/** The image and the engine that a verification result holds for. */
export interface Verified extends Verification {
  readonly backend: string
  /** The engine and its version, as it reports them. */
  readonly engine: string
  readonly imageDigest: string
}

/** Verifier is called after a bottle is created and before its agent starts. A program without one refuses such launches. */
export class Verifier extends Context.Tag("bot-bottle/Verifier")<
  Verifier,
  {
    /** Succeeds when the image passed on this engine before, or passes now. */
    readonly require: (request: VerificationRequest) => Effect.Effect<void, LaunchRefused>
  }
>() {}
