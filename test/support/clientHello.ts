/** TLS hellos made by hand, good ones and bad ones. */

const u8 = (value: number) => Buffer.from([value])
const u16 = (value: number) => Buffer.from([value >> 8, value & 255])
const u24 = (value: number) => Buffer.from([value >> 16, (value >> 8) & 255, value & 255])

/** An extension of a hello. */
export const extension = (type: number, data: Buffer): Buffer =>
  Buffer.concat([u16(type), u16(data.length), data])

/** The server_name extension with these names. */
export const serverName = (...names: ReadonlyArray<string>): Buffer => {
  const list = Buffer.concat(
    names.map((name) =>
      Buffer.concat([u8(0), u16(Buffer.byteLength(name, "latin1")), Buffer.from(name, "latin1")]),
    ),
  )
  return extension(0, Buffer.concat([u16(list.length), list]))
}

/** A hello's message, without its records. */
export const message = (extensions: ReadonlyArray<Buffer> | undefined): Buffer => {
  const all = Buffer.concat(extensions ?? [])
  const body = Buffer.concat([
    u16(0x0303),
    Buffer.alloc(32, 7),
    u8(32),
    Buffer.alloc(32, 9),
    u16(4),
    Buffer.from([0x13, 0x01, 0x13, 0x02]),
    u8(1),
    u8(0),
    ...(extensions === undefined ? [] : [u16(all.length), all]),
  ])
  return Buffer.concat([u8(1), u24(body.length), body])
}

/** Records that carry a message in pieces of so many bytes. */
export const records = (whole: Buffer, piece = 16_384): Buffer => {
  const pieces: Array<Buffer> = []
  for (let at = 0; at < whole.length; at += piece) {
    const part = whole.subarray(at, at + piece)
    pieces.push(u8(22), u16(0x0301), u16(part.length), part)
  }
  return Buffer.concat(pieces)
}

/** The hello of a client that wants `name`. */
export const helloFor = (name: string): Buffer =>
  records(message([extension(0x002b, Buffer.from([2, 3, 4])), serverName(name)]))
