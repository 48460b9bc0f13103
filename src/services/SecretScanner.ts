/** SecretScanner looks for secrets in git objects and in texts. It stops accidents, not an agent that encodes what it sends. */
import { Context, Schema } from "effect"
import type { Effect, Scope, Stream } from "effect"

/** The object name of a finding in a text. */
export const TEXT = "text"

/** A secret was found. The finding does not contain it. */
export interface SecretFinding {
  /** Name of the object that contains it. */
  readonly object: string
  /** Line, from 1. */
  readonly line: number
  /** Name of the rule, such as `secretlint-rule-github` or `known-secret`. */
  readonly rule: string
  /** SHA-256 of the match, to tell whether another place has the same one; `""` for a known secret. */
  readonly digest: string
}

/** The scan did not finish: what was scanned must not pass. */
export class ScanFailed extends Schema.TaggedError<ScanFailed>()("ScanFailed", {
  reason: Schema.String,
}) {
  override get message(): string {
    return `the scan for secrets failed: ${this.reason}`
  }
}

/** SecretScanner looks for secrets with a scanner's rules, and for the secrets that it knows. */
export interface SecretScannerApi {
  /** Whose rules it applies beside the secrets that it knows, with the version: `secretlint 11.7.1`. */
  readonly name: Effect.Effect<string>
  /** Scans objects in the format of `git cat-file --batch`: `<name> <type> <size>`, a line break, the bytes, a line break. */
  readonly scan: (
    objects: Stream.Stream<Uint8Array, unknown>,
  ) => Effect.Effect<ReadonlyArray<SecretFinding>, ScanFailed>
  /** Scans a text. Its findings have the object {@link TEXT}. */
  readonly scanText: (text: string) => Effect.Effect<ReadonlyArray<SecretFinding>, ScanFailed>
  /** Adds a secret to those that it knows, for the scans that begin from now on. */
  readonly learn: (secret: string) => Effect.Effect<void>
}

/** What a scanner looks for, and its time limits. */
export interface ScannerOptions {
  /** Secrets that must not appear, whatever their shape; of 12 or more characters. */
  readonly secrets: ReadonlyArray<string>
  /** Where objects are written for gitleaks while it scans them. */
  readonly workDirectory: string
  /** The scan fails when it makes no progress for so many milliseconds (default 15 seconds). */
  readonly progressMs?: number
  /** Limit of a whole scan, in milliseconds (default 5 minutes). */
  readonly totalMs?: number
}

/** SecretScanner creates scanners, each for the secrets of one run. */
export class SecretScanner extends Context.Tag("bot-bottle/SecretScanner")<
  SecretScanner,
  {
    /** A scanner. Its processes end with the scope. */
    readonly make: (options: ScannerOptions) => Effect.Effect<SecretScannerApi, never, Scope.Scope>
  }
>() {}
