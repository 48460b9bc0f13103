/** Parses a request to a route into its name and the path below it. A path that two parsers could read differently is refused. */
import { Either } from "effect"

/** A request below `/route/`. */
export interface RouteTarget {
  readonly name: string
  /** Path below the route, with a leading slash, as it came. */
  readonly path: string
  /** Including its question mark; `""` when there is none. */
  readonly query: string
}

/** The prefix before a route's name. */
export const ROUTE_PREFIX = "/route/"

/** Parses a path of the neck. Left: why it is refused, in words for the agent. */
export const readTarget = (path: string): Either.Either<RouteTarget, string> => {
  const [, name = "", below = "", query = ""] = /^\/route\/([^/?]*)([^?]*)(.*)$/s.exec(path) ?? []
  const problem = pathProblem(below) ?? (/[^\x21-\x7e]|#/.test(query) ? "is not a URL's" : undefined)
  return problem === undefined
    ? Either.right({ name, path: below === "" ? "/" : below, query })
    : Either.left(`the path ${problem}`)
}

/** Upstreams decode, merge and resolve paths in different orders. A path that would not be the same in all of them is refused. */
const pathProblem = (path: string): string | undefined => {
  if (/[^\x21-\x7e]|[\\#]/.test(path)) return "is not a URL's"
  if (path.includes("//")) return "has an empty part"
  if (/%(?![0-9a-f]{2})/i.test(path)) return "has a percent sign that encodes nothing"
  if (/%(?:00|25|2f|5c)/i.test(path)) return "encodes a slash, a backslash, a percent sign or a zero byte"
  const parts = path.replaceAll(/%2e/gi, ".").replaceAll(/%3b/gi, ";").split("/")
  return parts.some((part) => /^\.\.?(?:;|$)/.test(part)) ? "leaves its place by dots" : undefined
}

/** Whether a request with this method and path is allowed. */
export type Allows = (method: string, path: string) => boolean

/**
 * Patterns such as `POST /v1/messages` and `GET /v1/models/*`. A `*` at the end matches everything below, any other one (a part of) one
 * segment.
 */
export const allowing = (patterns: ReadonlyArray<string>): Either.Either<Allows, string> => {
  const wrong = patterns.find((pattern) => !/^(?:\*|[A-Z]+) \/[\x21-\x7e]*$/.test(pattern))
  if (wrong !== undefined) return Either.left("must be a METHOD and a path, such as POST /v1/messages")
  const rules = patterns.map((pattern) => {
    const [method = "", path = ""] = pattern.split(" ")
    return { method, path: expressionOf(path) }
  })
  return Either.right((method, path) =>
    rules.some((rule) => (rule.method === "*" || rule.method === method) && rule.path.test(path)),
  )
}

const expressionOf = (path: string): RegExp => {
  const [head, tail] = path.endsWith("/*") ? [path.slice(0, -1), ".*"] : [path, ""]
  const parts = head.split("*").map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&"))
  return new RegExp(`^${parts.join("[^/]*")}${tail}$`, "s")
}
