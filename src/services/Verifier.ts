/** Verifier sees to it that what a manifest with `verify: required` is about to launch was verified. */
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
  /** Digest of the image that was looked at for the launch. */
  readonly imageDigest: string
}

/** Options of `verify`. */
export interface VerifyOptions {
  /** The bottle as its manifests have it, merged in order. */
  readonly bottles?: ReadonlyArray<string>
  /** Or a manifest that is not in a file. */
  readonly manifest?: BottleManifest
  /** The manifest's unless given. */
  readonly backend?: string
  readonly cwd?: string
  /** Told what is done next, in a line. */
  readonly progress?: (text: string) => Effect.Effect<void>
}

/** What was verified beside its result: the image and the engine that it holds for. */
export interface Verified extends Verification {
  readonly backend: string
  /** The engine and its version, as it says itself. */
  readonly engine: string
  readonly imageDigest: string
}

/** Verifier is asked between the making of a bottle and the start of its agent. A program without one refuses such launches. */
export class Verifier extends Context.Tag("bot-bottle/Verifier")<
  Verifier,
  {
    /** Done when the image passed on this engine before, or passes now. */
    readonly require: (request: VerificationRequest) => Effect.Effect<void, LaunchRefused>
  }
>() {}
