/** Reads a copy of a body aside, also a compressed one, while the body itself passes on. Bounded: what is too much is not read. */
import type { IncomingMessage } from "node:http"
import * as zlib from "node:zlib"
import type { Transform } from "node:stream"

/** How much of a body is read after decompression: a small body may be a large one. */
const READ_MAX = 64 * 1024 * 1024
/** How much may wait for decompression. */
const WAITING_MAX = 4 * 1024 * 1024

/** A body that is read aside. */
export interface Aside {
  /** Calls back once everything was read, or what is left will not be. Says whether all of it was read. */
  readonly whenRead: (done: (isWhole: boolean) => void) => void
}

/** Node 20 has no zstd. */
const zstd = (): Transform | undefined => {
  const make: unknown = Reflect.get(zlib, "createZstdDecompress")
  return typeof make === "function" ? (make() as Transform) : undefined
}

const DECODERS: Readonly<Record<string, () => Transform | undefined>> = {
  gzip: () => zlib.createGunzip(),
  "x-gzip": () => zlib.createGunzip(),
  deflate: () => zlib.createInflate(),
  br: () => zlib.createBrotliDecompress(),
  zstd,
}

/**
 * Reads a body's bytes as they arrive, after those who pass it on: add it after them. `push` gets them without their compression.
 * Never fails, and never holds the body back.
 */
export const readAside = (body: IncomingMessage, push: (bytes: Uint8Array) => void): Aside => {
  const encoding = (body.headers["content-encoding"] ?? "").trim().toLowerCase()
  let result: boolean | undefined
  const waiting: Array<(isWhole: boolean) => void> = []
  const finish = (isWhole: boolean) => {
    if (result !== undefined) return
    result = isWhole
    for (const done of waiting.splice(0)) done(isWhole)
  }
  let read = 0
  const take = (bytes: Uint8Array): boolean => {
    read += bytes.length
    if (read > READ_MAX || result !== undefined) return false
    push(bytes)
    return true
  }
  const whenRead: Aside["whenRead"] = (done) =>
    result === undefined ? void waiting.push(done) : done(result)
  if (encoding === "" || encoding === "identity") {
    body.on("data", (chunk: Buffer) => {
      if (!take(chunk)) finish(false)
    })
    body.on("end", () => finish(true))
    body.on("close", () => finish(body.complete))
    return { whenRead }
  }
  const decoder = DECODERS[encoding]?.()
  if (decoder === undefined) {
    finish(false)
    return { whenRead }
  }
  const giveUp = () => {
    finish(false)
    decoder.destroy()
  }
  decoder.on("data", (bytes: Buffer) => {
    if (!take(bytes)) giveUp()
  })
  decoder.on("end", () => finish(true))
  decoder.on("error", () => finish(false))
  decoder.on("close", () => finish(false))
  body.on("data", (chunk: Buffer) => {
    if (result !== undefined || decoder.destroyed) return
    if (decoder.writableLength > WAITING_MAX) giveUp()
    // A stream's events are decoded as they come: it may never end.
    else decoder.write(chunk)
  })
  body.on("end", () => decoder.end())
  body.on("close", () => {
    if (!body.complete) decoder.end()
  })
  return { whenRead }
}
