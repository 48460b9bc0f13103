/** Reads a request's body within its limit, and within the room that all bodies share. */
import { isUtf8 } from "node:buffer"
import type { IncomingMessage, ServerResponse } from "node:http"
import { type Room, SMALL_BYTES_MAX } from "./room.ts"

/** The largest body, in bytes. */
export const BODY_BYTES_MAX = 1024 * 1024

/** After its refusal this much of a body is read and dropped, so that a client that reads only after it has written sees the refusal. */
const DROPPED_BYTES_MAX = 64 * 1024 * 1024

/** A body. */
export type Body =
  | { readonly kind: "Text"; readonly text: string }
  | { readonly kind: "NotUtf8" }
  | { readonly kind: "TooLarge" }
  | { readonly kind: "NoRoom" }

/** The response to a body that is not read to its end. */
export interface BodyRefusal {
  readonly status: number
  readonly type: string
  readonly text: string
  readonly headers: Readonly<Record<string, string>>
}

/** How a body is read. */
export interface Reading {
  readonly room: Room
  readonly refusal: (kind: "TooLarge" | "NoRoom") => BodyRefusal
  /** Whether a body waits for its turn although it is small. */
  readonly isLarge: (body: Buffer) => boolean
  /**
   * Called once with the whole body; never when the client disconnects before its end. A refused body has already been responded to
   * when `use` is called. A whole body gets its turn, and its place is held until the response is closed and `over` was called: a
   * client that disconnects does not end its call.
   */
  readonly use: (body: Body, over: () => void) => void
  /** Called when the place is released. */
  readonly left: () => void
}

/** Reads a body. */
export const readBody = (request: IncomingMessage, response: ServerResponse, reading: Reading): void => {
  const { room, refusal, isLarge, use, left } = reading
  const bytes = { buffer: NOTHING, used: 0 }
  let size = 0
  let refused = false
  const release = () => {
    room.give(countedOf(bytes.buffer.length))
    bytes.buffer = NOTHING
  }
  let closed: () => void = () => undefined
  response.on("close", () => {
    release()
    closed()
  })
  const refuse = (kind: "TooLarge" | "NoRoom") => {
    refused = true
    release()
    answerEarly(response, refusal(kind))
    use({ kind }, () => undefined)
  }
  if (Number(request.headers["content-length"] ?? 0) > BODY_BYTES_MAX) refuse("TooLarge")
  request.on("data", (chunk: Buffer) => {
    size += chunk.length
    if (refused) {
      if (size > DROPPED_BYTES_MAX) request.destroy()
    } else if (size > BODY_BYTES_MAX) refuse("TooLarge")
    else if (!append(room, bytes, chunk)) refuse("NoRoom")
  })
  request.on("end", () => {
    if (refused) return void response.end()
    const whole = bytes.buffer.subarray(0, bytes.used)
    const state = { works: false, closed: false }
    const leave = () => {
      if (state.works || !state.closed) return
      place?.leave()
      left()
    }
    const place = room.enter({ bytes: size, large: isLarge(whole) }, () => {
      state.works = true
      const body = bodyOf(whole)
      release()
      use(body, () => {
        state.works = false
        leave()
      })
    })
    if (place === undefined) {
      refuse("NoRoom")
      return void response.end()
    }
    closed = () => {
      state.closed = true
      leave()
    }
  })
}

const NOTHING = Buffer.alloc(0)

/** In one buffer: a million pieces of one byte would take a hundred times their size. */
const append = (room: Room, bytes: { buffer: Buffer; used: number }, chunk: Buffer): boolean => {
  const needed = bytes.used + chunk.length
  if (needed > bytes.buffer.length) {
    const length = bytes.used === 0 ? needed : Math.min(BODY_BYTES_MAX, Math.max(needed, 2 * bytes.used))
    if (!room.take(countedOf(length) - countedOf(bytes.buffer.length))) return false
    if (bytes.used === 0) bytes.buffer = chunk
    else {
      const larger = Buffer.allocUnsafeSlow(length)
      bytes.buffer.copy(larger, 0, 0, bytes.used)
      bytes.buffer = larger
      chunk.copy(larger, bytes.used)
    }
  } else chunk.copy(bytes.buffer, bytes.used)
  bytes.used = needed
  return true
}

/** The beginning of a body counts as part of its connection: small calls arrive however much large ones hold. */
const countedOf = (length: number): number => Math.max(0, length - SMALL_BYTES_MAX)

const bodyOf = (bytes: Buffer): Body =>
  isUtf8(bytes) ? { kind: "Text", text: bytes.toString("utf8") } : { kind: "NotUtf8" }

/** The whole response is sent at once, but the connection only ends when the client has sent everything. */
const answerEarly = (response: ServerResponse, { status, type, text, headers }: BodyRefusal): void => {
  response.writeHead(status, {
    "content-type": type,
    "content-length": Buffer.byteLength(text),
    ...headers,
    connection: "close",
  })
  response.write(text)
}
