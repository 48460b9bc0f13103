/** Reads a request's body within its limit. */
import { isUtf8 } from "node:buffer"
import type { IncomingMessage, ServerResponse } from "node:http"

/** The largest body, in bytes. */
export const BODY_BYTES_MAX = 1024 * 1024

/** After its refusal so much more of a body is read and dropped, so that a client that only reads when it has written sees the refusal. */
const DROPPED_BYTES_MAX = 64 * 1024 * 1024

/** A body. */
export type Body =
  | { readonly kind: "Text"; readonly text: string }
  | { readonly kind: "NotUtf8" }
  | { readonly kind: "TooLarge" }

/**
 * Gives the whole body to `use`, once; never when the client leaves before its end. A body over the limit
 * has been answered with 413 when `use` is told of it.
 */
export const readBody = (
  request: IncomingMessage,
  response: ServerResponse,
  use: (body: Body) => void,
): void => {
  const chunks: Array<Buffer> = []
  let size = 0
  let refused = false
  const refuse = () => {
    refused = true
    chunks.length = 0
    refuseTooLarge(response)
    use({ kind: "TooLarge" })
  }
  if (Number(request.headers["content-length"] ?? 0) > BODY_BYTES_MAX) refuse()
  request.on("data", (chunk: Buffer) => {
    size += chunk.length
    if (size <= BODY_BYTES_MAX) chunks.push(chunk)
    else if (!refused) refuse()
    else if (size > DROPPED_BYTES_MAX) request.destroy()
  })
  request.on("end", () => {
    if (refused) response.end()
    else use(bodyOf(chunks))
  })
}

const bodyOf = (chunks: ReadonlyArray<Buffer>): Body => {
  const bytes = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)
  return isUtf8(bytes) ? { kind: "Text", text: bytes.toString("utf8") } : { kind: "NotUtf8" }
}

/** The whole answer goes out at once, but the connection ends only when the client has sent all. */
const refuseTooLarge = (response: ServerResponse): void => {
  const text = "the body is over 1 MiB\n"
  response.writeHead(413, {
    "content-type": "text/plain; charset=utf-8",
    "content-length": Buffer.byteLength(text),
    connection: "close",
  })
  response.write(text)
}
