/** What is wrong with a value, in our own words: a schema's message would quote the value, which may be a secret. */
import { ParseResult } from "effect"

/** Where the first problem is (`""`: the value as a whole), and what it is. */
export const firstProblem = (
  error: ParseResult.ParseError,
): { readonly path: string; readonly problem: string } => {
  const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
  if (issue === undefined) return { path: "", problem: "is not valid" }
  const { _tag: kind, path, message } = issue
  return { path: path.map(String).join(".").slice(0, 100), problem: PROBLEMS[kind] ?? expectation(message) }
}

const PROBLEMS: Partial<Record<ParseResult.ArrayFormatterIssue["_tag"], string>> = {
  Missing: "is missing",
  Unexpected: "is not a known key",
}

/** Our own schemas say what they want by `must be ...`. */
const expectation = (message: string): string =>
  message.startsWith("must be ") ? message : "has a wrong type or value"
