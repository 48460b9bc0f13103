/** A usage error: what is wrong with a command line, what may have been meant, and where to find help. */
import { Data } from "effect"

/** A usage error. */
export class UsageError extends Data.TaggedError("UsageError")<{
  /** What is wrong. */
  readonly problem: string
  /** What may have been meant. */
  readonly suggestion?: string
  /** The command line that shows the matching help. */
  readonly help: string
}> {
  override get message(): string {
    const meant = this.suggestion === undefined ? "" : `. Did you mean ${this.suggestion}?`
    return `${this.problem}${meant}\nSee "${this.help}"`
  }
}
