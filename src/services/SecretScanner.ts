/** SecretScanner can look for secrets in git objects and in texts. It stops accidents, not an agent that encodes as it likes. */
import { Context, Schema } from "effect"
import type { Effect, Scope, Stream } from "effect"

/** The object of a finding in a text. */
export const TEXT = "text"

/** A secret was found; what it is is not told. */
export interface SecretFinding {
  /** Name of the object it is in. */
  readonly object: string
  /** From 1. */
  readonly line: number
  /** Name of the rule, such as `secretlint-rule-github` or `known-secret`. */
  readonly rule: string
  /** SHA-256 of what was found, to tell whether something else has it too; `""` of a secret that is known. */
  readonly digest: string
}

/** The scan did not come to its end: what was to be scanned must not pass. */
export class ScanFailed extends Schema.TaggedError<ScanFailed>()("ScanFailed", {
  reason: Schema.String,
}) {
  override get message(): string {
    return `the scan for secrets failed: ${this.reason}`
  }
}

/** SecretScanner can look for secrets, with the rules of a scanner and for the secrets that it knows. */
export interface SecretScannerApi {
  /** Scans objects that come as `git cat-file --batch` writes them: `<name> <type> <size>`, a line break, the bytes, a line break. */
  readonly scan: (
    objects: Stream.Stream<Uint8Array, unknown>,
  ) => Effect.Effect<ReadonlyArray<SecretFinding>, ScanFailed>
  /** Scans a text; its findings have the object {@link TEXT}. */
  readonly scanText: (text: string) => Effect.Effect<ReadonlyArray<SecretFinding>, ScanFailed>
}

/** What a scanner looks for, and how long it may take. */
export interface ScannerOptions {
  /** Secrets that must not appear, whatever their shape; of 12 or more characters. */
  readonly secrets: ReadonlyArray<string>
  /** Where objects are put for gitleaks, for as long as it looks at them. */
  readonly workDirectory: string
  /** Milliseconds in which something must be scanned (default 15 seconds). */
  readonly progressMs?: number
  /** Milliseconds that a whole scan may take (default 5 minutes). */
  readonly totalMs?: number
}

/** SecretScanner makes scanners, each for the secrets of one run. */
export class SecretScanner extends Context.Tag("bot-bottle/SecretScanner")<
  SecretScanner,
  {
    /** A scanner; its processes end with the scope. */
    readonly make: (options: ScannerOptions) => Effect.Effect<SecretScannerApi, never, Scope.Scope>
  }
>() {}
