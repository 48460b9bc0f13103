/** An engine's stream of stdout and stderr together: parts that each have a header of 8 bytes, with the stream's number and the length. */
import type { OutputChunk } from "../../services/ProcessRunner.ts"

const HEADER = 8
const LENGTH_AT = 4
const STDERR = 2
const NONE = Buffer.alloc(0)

/** A part of one of the streams. */
export type Part = Pick<OutputChunk, "stream" | "bytes">

/**
 * Takes such a stream apart: each call gets its next bytes and returns what they add to stdout and stderr.
 * https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach
 */
export const takingApart = (): ((bytes: Buffer) => ReadonlyArray<Part>) => {
  let header = NONE
  let left = 0
  return (bytes) => {
    const parts: Array<Part> = []
    for (let at = 0; at < bytes.length;) {
      if (left === 0) {
        const more = bytes.subarray(at, at + HEADER - header.length)
        header = Buffer.concat([header, more])
        at += more.length
        if (header.length < HEADER) break
        left = header.readUInt32BE(LENGTH_AT)
        if (left === 0) header = NONE
        continue
      }
      const piece = bytes.subarray(at, at + left)
      parts.push({ stream: header[0] === STDERR ? "stderr" : "stdout", bytes: piece })
      at += piece.length
      left -= piece.length
      if (left === 0) header = NONE
    }
    return parts
  }
}
