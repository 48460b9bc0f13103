/** Byte sequences that probes send: socket addresses, texts, HTTP requests, TLS hellos, pkt-lines. */

/** Concatenates several pieces. */
export const joined = (pieces: ReadonlyArray<Uint8Array>): Uint8Array => {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}

/** A text in UTF-8. */
export const text = (value: string): Uint8Array => new TextEncoder().encode(value)

/** A C string: with a terminating zero. */
export const cText = (value: string): Uint8Array => text(`${value}\0`)

/** Bytes as text. Invalid UTF-8 becomes a replacement character. */
export const asText = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

/** A little-endian integer of so many bytes. */
export const little = (bytes: 2 | 4 | 8, value: number): Uint8Array => {
  const view = new DataView(new ArrayBuffer(8))
  view.setBigInt64(0, BigInt(value), true)
  return new Uint8Array(view.buffer, 0, bytes)
}

/** A big-endian integer of so many bytes (network order). */
export const big = (bytes: 1 | 2 | 3 | 4, value: number): Uint8Array =>
  little(4, value).slice(0, bytes).toReversed()

/** `sockaddr_in` or `sockaddr_in6`, by the form of the address. `scope` is an interface number. */
export const inetAddress = (address: string, port: number, scope = 0): Uint8Array =>
  address.includes(":")
    ? joined([little(2, 10), big(2, port), little(4, 0), sixteen(address), little(4, scope)])
    : joined([little(2, 2), big(2, port), Uint8Array.from(address.split("."), Number), new Uint8Array(8)])

/** The sixteen bytes of an IPv6 address without an embedded IPv4 one. */
const sixteen = (address: string): Uint8Array => {
  const [left = "", right] = address.split("::")
  const groups = (part: string | undefined) =>
    part === undefined || part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16))
  const [before, after] = [groups(left), groups(right)]
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0)
  return joined([...before, ...zeros, ...after].map((group) => big(2, group)))
}

/** `sockaddr_un`: a path, or an abstract name that begins with a zero. */
export const unixAddress = (path: string): Uint8Array =>
  joined([little(2, 1), text(path), ...(path.startsWith("\0") ? [] : [new Uint8Array(1)])])

/** A TLS client hello for `name`; without a name, it has no such extension. */
export const clientHello = (name: string | undefined): Uint8Array => {
  const within = (bytes: 1 | 2 | 3, inner: Uint8Array) => joined([big(bytes, inner.length), inner])
  const extension = (type: number, data: Uint8Array) => joined([big(2, type), within(2, data)])
  const serverName =
    name === undefined ? [] : [extension(0, within(2, joined([big(1, 0), within(2, text(name))])))]
  const extensions = joined([extension(0x2b, Uint8Array.of(2, 3, 4)), ...serverName])
  const body = joined([
    big(2, 0x0303),
    new Uint8Array(32).fill(7),
    within(1, new Uint8Array(32).fill(9)),
    within(2, Uint8Array.of(0x13, 1, 0x13, 2)),
    within(1, Uint8Array.of(0)),
    within(2, extensions),
  ])
  return joined([Uint8Array.of(22, 3, 1), within(2, joined([big(1, 1), within(3, body)]))])
}

/** A pkt-line of git's protocol. */
export const pktLine = (line: string): Uint8Array => {
  const bytes = text(line)
  return joined([text((bytes.length + 4).toString(16).padStart(4, "0")), bytes])
}

/** An HTTP/1.1 request that closes the connection after its response. */
export const httpRequest = (
  line: string,
  headers: Readonly<Record<string, string>> = {},
  body: Uint8Array = new Uint8Array(),
): Uint8Array => {
  const all = {
    host: "127.0.0.1:7317",
    connection: "close",
    ...(body.length > 0 && { "content-length": String(body.length) }),
    ...headers,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return joined([text(`${line} HTTP/1.1\r\n${lines.join("")}\r\n`), body])
}
