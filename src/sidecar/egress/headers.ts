/** Headers of plain HTTP to outside hosts: all end-to-end headers, no hop-by-hop headers. */
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http"
import { HOP_BY_HOP } from "../../domain/RoutePasses.ts"
import { named, pairsOf } from "../http/headers.ts"

/** Headers that pass. The body's length stays: Connection could name and so remove it, but we do the framing. */
const passing = (message: IncomingMessage): ReadonlyArray<readonly [string, string]> => {
  const dropped = named(message)
  return pairsOf(message).filter(([name]) => {
    const key = name.toLowerCase()
    return (
      !HOP_BY_HOP.has(key) && key !== "proxy-authorization" && (!dropped.has(key) || key === "content-length")
    )
  })
}

/** The headers to send. Host is where the request goes, whatever the agent's Host says. */
export const outward = (request: IncomingMessage, host: string): OutgoingHttpHeaders => {
  const sent = new Map<string, Array<string>>()
  for (const [name, value] of passing(request)) {
    const key = name.toLowerCase()
    sent.set(key, [...(sent.get(key) ?? []), value])
  }
  return {
    ...Object.fromEntries(sent),
    host,
    ...(request.headers["transfer-encoding"] !== undefined && { "transfer-encoding": "chunked" }),
  }
}

/** The response headers, as one list of names and values. */
export const inward = (answer: IncomingMessage): Array<string> => passing(answer).flat()
