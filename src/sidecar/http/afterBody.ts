/** Answers that may be complete before the request is: clients that only read when they have written must not lose them. */
import type { IncomingMessage, ServerResponse } from "node:http"

/** So much of a body that nobody wants is read and dropped, and for so long. */
const DROPPED_BYTES_MAX = 64 * 1024 * 1024
const DROPPING_MS = 30_000

/** Does something when the request's body is over; one that goes on and on is cut off. */
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

/** Answers with a text, whose last byte is out before the body is over. */
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
