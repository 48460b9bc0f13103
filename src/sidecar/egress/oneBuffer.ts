/** Reads a connection into one buffer of its own: node's streams allocate a new one for each read, which costs more than its bytes. */
import type { OnReadOpts, Socket } from "node:net"

/** One direction of a tunnel. */
export interface OneBuffer {
  /** An option of the connection that is read. It is paused until `pour`. */
  readonly onread: OnReadOpts
  /** From now on writes what the connection receives to another one, with backpressure. Its end ends the other. */
  readonly pour: (from: Socket, to: Socket) => void
}

/** Size per tunnel: larger buffers are hardly faster. */
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
      // Data that the system has not accepted yet is still in the buffer, so nothing is read until then.
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
