/** A command line that is wrong: what is wrong with it, what may have been meant, and where to read on. */
import { Data } from "effect"

/** A command line that is wrong. */
export class UsageError extends Data.TaggedError("UsageError")<{
  /** What is wrong. */
  readonly problem: string
  /** What may have been meant. */
  readonly suggestion?: string
  /** The command line that shows help. */
  readonly help: string
}> {
  override get message(): string {
    const meant = this.suggestion === undefined ? "" : `. Did you mean ${this.suggestion}?`
    return `${this.problem}${meant}\nSee "${this.help}"`
  }
}
