/** Parses the start of a TLS connection (RFC 8446, 4.1.2) for the host that the client asks for. */
import { Option } from "effect"

/** What the first bytes of a connection contain so far. */
export type Hello =
  /** Incomplete: at least so many bytes are needed. */
  | { readonly kind: "More"; readonly bytes: number }
  | { readonly kind: "NotTls" }
  /** TLS, but not in a form that this parser and every server read in the same way. */
  | { readonly kind: "Bad"; readonly problem: string }
  | { readonly kind: "Hello"; readonly serverName: string | undefined; readonly encrypted: boolean }

/** Longest hello message in bytes. Those with post-quantum keys have about 2000. */
const HELLO_MAX = 16 * 1024
const RECORD_HEAD = 5
const RECORD_MAX = 16 * 1024
const HANDSHAKE_HEAD = 4
const HANDSHAKE_RECORD = 22
const CLIENT_HELLO = 1
const SERVER_NAME = 0
const HOST_NAME = 0
/** encrypted_client_hello (RFC 9849), and encrypted_server_name, which it replaced. */
const ENCRYPTED: ReadonlySet<number> = new Set([0xfe0d, 0xffce])

/** Parses the bytes of a connection so far. The hello may span several records. */
export const readClientHello = (bytes: Buffer): Hello => {
  const parts: Array<Buffer> = []
  let have = 0
  let at = 0
  for (;;) {
    if (bytes.length > at && bytes[at] !== HANDSHAKE_RECORD)
      return at === 0 ? { kind: "NotTls" } : bad("the hello is interrupted by another record")
    if (bytes.length < at + RECORD_HEAD) return { kind: "More", bytes: at + RECORD_HEAD }
    const length = bytes.readUInt16BE(at + 3)
    if (bytes[at + 1] !== 3) return at === 0 ? { kind: "NotTls" } : bad("a record has no version of TLS")
    if (length === 0 || length > RECORD_MAX) return bad("a record is empty or too large")
    const end = at + RECORD_HEAD + length
    parts.push(bytes.subarray(at + RECORD_HEAD, end))
    have += Math.min(length, bytes.length - at - RECORD_HEAD)
    const message = have < HANDSHAKE_HEAD ? undefined : Buffer.concat(parts)
    if (message !== undefined) {
      if (message[0] !== CLIENT_HELLO) return bad("the first message is not a hello")
      const needed = HANDSHAKE_HEAD + message.readUIntBE(1, 3)
      if (needed > HELLO_MAX) return bad("the hello is too large")
      if (have >= needed) return parse(message.subarray(HANDSHAKE_HEAD, needed))
    }
    if (bytes.length < end) return { kind: "More", bytes: end }
    at = end
  }
}

const bad = (problem: string): Hello => ({ kind: "Bad", problem })

const parse = (body: Buffer): Hello =>
  Option.getOrElse(readBody(body), () => bad("the hello is incomplete, or repeats an extension"))

const readBody = (body: Buffer): Option.Option<Hello> =>
  Option.gen(function* () {
    const reader = readerOf(body)
    yield* reader.take(2 + 32)
    yield* reader.vector(1)
    yield* reader.vector(2)
    yield* reader.vector(1)
    if (reader.isOver()) return { kind: "Hello", serverName: undefined, encrypted: false }
    const extensions = readerOf(yield* reader.vector(2))
    yield* demand(reader.isOver())
    const found = new Map<number, Buffer>()
    while (!extensions.isOver()) {
      const type = (yield* extensions.take(2)).readUInt16BE()
      yield* demand(!found.has(type))
      found.set(type, yield* extensions.vector(2))
    }
    const name = found.get(SERVER_NAME)
    return {
      kind: "Hello",
      serverName: name === undefined ? undefined : yield* readServerName(name),
      encrypted: [...found.keys()].some((type) => ENCRYPTED.has(type)),
    }
  })

/** Exactly one name, of the only defined type (RFC 6066, 3). */
const readServerName = (extension: Buffer): Option.Option<string> =>
  Option.gen(function* () {
    const outer = readerOf(extension)
    const list = readerOf(yield* outer.vector(2))
    const [kind] = yield* list.take(1)
    const name = yield* list.vector(2)
    yield* demand(kind === HOST_NAME && name.length > 0 && list.isOver() && outer.isOver())
    return name.toString("latin1").toLowerCase()
  })

const demand = (holds: boolean): Option.Option<void> => (holds ? Option.void : Option.none())

/** Reads bytes in order; none when there are fewer. */
const readerOf = (bytes: Buffer) => {
  let at = 0
  const take = (count: number): Option.Option<Buffer> => {
    if (bytes.length < at + count) return Option.none()
    at += count
    return Option.some(bytes.subarray(at - count, at))
  }
  return {
    take,
    /** Reads a field after its length of so many bytes. */
    vector: (lengthBytes: number) =>
      Option.flatMap(take(lengthBytes), (length) => take(length.readUIntBE(0, lengthBytes))),
    isOver: () => at === bytes.length,
  }
}
