/** Reads a connection into one buffer of its own: node's streams make a new one for each read, which costs more than its bytes. */
import type { OnReadOpts, Socket } from "node:net"

/** One way through a tunnel. */
export interface OneBuffer {
  /** An option of the connection that is read; it is paused until it is poured. */
  readonly onread: OnReadOpts
  /** From now on what comes from the connection is written to another, at its pace, and its end ends the other. */
  readonly pour: (from: Socket, to: Socket) => void
}

/** Of each tunnel: larger ones are hardly faster. */
const BYTES = 32 * 1024

/** Makes the buffer of one connection. */
export const oneBuffer = (): OneBuffer => {
  let write: (bytes: Uint8Array) => boolean = () => false
  return {
    onread: {
      buffer: Buffer.allocUnsafeSlow(BYTES),
      callback: (size, buffer) => write(buffer.subarray(0, size)),
    },
    pour: (from, to) => {
      let isHeld = false
      const written = () => {
        if (!isHeld) return
        isHeld = false
        from.resume()
      }
      // What the system has not taken at once is still in the buffer: nothing is read until it has.
      write = (bytes) => {
        to.write(bytes, written)
        isHeld = to.writableLength > 0
        return !isHeld
      }
      from.once("end", () => to.end())
      from.resume()
    },
  }
}
