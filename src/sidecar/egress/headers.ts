/** Headers of plain HTTP to elsewhere: all that are the message's own, none that are the connection's. */
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http"
import { HOP_BY_HOP } from "../../domain/RoutePasses.ts"
import { named, pairsOf } from "../http/headers.ts"

/** What passes of a message. The body's length stays: named by Connection it would be taken away, and the framing is ours. */
const passing = (message: IncomingMessage): ReadonlyArray<readonly [string, string]> => {
  const dropped = named(message)
  return pairsOf(message).filter(([name]) => {
    const key = name.toLowerCase()
    return (
      !HOP_BY_HOP.has(key) && key !== "proxy-authorization" && (!dropped.has(key) || key === "content-length")
    )
  })
}

/** The headers to send, whose Host is where the request goes, whatever the agent's Host says. */
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

/** The headers to answer with, as one list of names and values. */
export const inward = (answer: IncomingMessage): Array<string> => passing(answer).flat()
