/** Sends responses that may be complete before the request is: a client that reads only after it has written must not lose them. */
import type { IncomingMessage, ServerResponse } from "node:http"

/** How much of an unwanted body is read and dropped, and for how long. */
const DROPPED_BYTES_MAX = 64 * 1024 * 1024
const DROPPING_MS = 30_000

/** Runs something when the request's body has ended. A body that never ends is cut off. */
export const afterBody = (request: IncomingMessage, done: () => void): void => {
  if (request.complete || request.destroyed) return done()
  let dropped = 0
  const timer = setTimeout(() => request.destroy(), DROPPING_MS).unref()
  request.on("data", (chunk: Buffer) => {
    dropped += chunk.length
    if (dropped > DROPPED_BYTES_MAX) request.destroy()
  })
  request.on("close", () => clearTimeout(timer))
  request.on("end", () => {
    clearTimeout(timer)
    done()
  })
  request.resume()
}

/** Sends a text as response. Its last byte is sent before the body ends. */
export const answerEarly = (
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  text: string,
  type = "text/plain; charset=utf-8",
): void => {
  response.writeHead(status, {
    "content-type": type,
    "content-length": Buffer.byteLength(text),
  })
  response.write(text)
  afterBody(request, () => response.end())
}
