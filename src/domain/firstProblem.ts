/** Describes what is wrong with a value in our own words: a schema's message would quote the value, which may be a secret. */
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

/** Our own schemas say `must be ...`. From the library's messages only the part before the value is used. */
const expectation = (message: string): string => {
  if (message.startsWith("must be ")) return message
  const [, expected] = /^Expected (.{1,80}?), actual /.exec(message) ?? []
  return expected === undefined ? "has a wrong type or value" : `must be ${expected}`
}
