/** Cuts bytes where a character of UTF-8 ends. */

/** Length of the longest beginning that ends with a whole character. Bytes that are not UTF-8 are kept as they are. */
export const wholeLength = (bytes: Uint8Array): number => {
  // The first byte of a character says how long it is, and is at most three bytes from the end of an unfinished one.
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0
    if (byte < 0x80) return bytes.length
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
      return length > back ? bytes.length - back : bytes.length
    }
  }
  return bytes.length
}
