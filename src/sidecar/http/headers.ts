/** Reads the head of an HTTP message, before anything decides which headers pass. */
import type { IncomingMessage } from "node:http"

/** The headers that a message's Connection names. */
export const named = (request: IncomingMessage): ReadonlySet<string> =>
  new Set((request.headers.connection ?? "").split(",").map((name) => name.trim().toLowerCase()))

/** Pairs of a message, in order, including repeated ones. */
export const pairsOf = ({ rawHeaders }: IncomingMessage): ReadonlyArray<readonly [string, string]> =>
  rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [[name, rawHeaders[at + 1] ?? ""] as const] : []))

/** Why a request's framing is refused, in addition to node's strict parser. */
export const framingProblem = ({ headers, httpVersion }: IncomingMessage): string | undefined => {
  const encoding = headers["transfer-encoding"]
  if (encoding === undefined) return undefined
  if (encoding.trim().toLowerCase() !== "chunked") return "the transfer encoding is not chunked"
  if (headers["content-length"] !== undefined || httpVersion === "1.0") return "the body has two lengths"
  return undefined
}
