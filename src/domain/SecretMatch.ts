/** SecretMatch finds known secrets in chunks of bytes: whole, in parts, and in the usual encodings. */

/** A shorter secret is too likely to be an ordinary word. */
export const SECRET_LENGTH_MIN = 12

/** A search through one text. */
export interface SecretSearch {
  /** Searches the next chunk. Returns the line numbers (from 1) of matches, each once per search. */
  readonly push: (bytes: Uint8Array) => ReadonlyArray<number>
}

/** Starts searches for the same secrets. */
export type SecretMatcher = () => SecretSearch

/**
 * A matcher for secrets of `lengthMin` ({@link SECRET_LENGTH_MIN} unless given) or more bytes. It finds the whole secret, any 20 bytes
 * of it in a row, base64 and base64url at any alignment, hex in either case, URL-encoding, and parts of those encodings that stand for
 * at least 12 bytes.
 */
export const secretMatcher = (
  secrets: Iterable<string>,
  lengthMin: number = SECRET_LENGTH_MIN,
): SecretMatcher => {
  const byLength = new Map<number, Set<string>>()
  for (const secret of secrets) {
    const bytes = withoutBreaks(secret)
    if (bytes.length < lengthMin) continue
    for (const { text, part } of formsOf(bytes)) {
      const length = Math.min(part, text.length)
      const windows = byLength.get(length) ?? new Set<string>()
      byLength.set(length, windows)
      for (let at = 0; at + length <= text.length; at += 1) windows.add(text.slice(at, at + length))
    }
  }
  const patterns = [...byLength].map(([length, windows]) => patternOf(length, windows))
  return () => startSearch(patterns)
}

/** Whether one of the matcher's secrets is in a text. */
export const hasSecret = (matcher: SecretMatcher, text: string): boolean =>
  matcher().push(new TextEncoder().encode(text)).length > 0

/** One encoding of a secret, one character for each byte, and how many of them in a row count as a match. */
interface Form {
  readonly text: string
  readonly part: number
}

const formsOf = (secret: string): ReadonlyArray<Form> => {
  const codes = [...secret].map((char) => char.charCodeAt(0).toString(16).padStart(2, "0"))
  const hex = codes.join("")
  const escapedAll = codes.map((code) => `%${code}`).join("")
  const escaped = LEFT_ALONE.map((left) =>
    [...secret].map((char, at) => (left.test(char) ? char : `%${codes[at] ?? ""}`)).join(""),
  )
  const encoded = [0, 1, 2].map((before) => base64At(secret, before))
  return [
    { text: secret, part: 20 },
    ...encoded.map((text) => ({ text, part: 20 })),
    ...encoded.map((text) => ({ text: text.replaceAll("+", "-").replaceAll("/", "_"), part: 20 })),
    { text: hex, part: 24 },
    { text: hex.toUpperCase(), part: 24 },
    ...escaped.flatMap((text) => [text, upperEscapes(text)]).map((text) => ({ text, part: 20 })),
    { text: escapedAll, part: 36 },
    { text: upperEscapes(escapedAll), part: 36 },
  ]
}

/** Characters that URL-encoding leaves as they are: in RFC 3986, and in JavaScript. */
const LEFT_ALONE: ReadonlyArray<RegExp> = [/[A-Za-z0-9_.~-]/, /[A-Za-z0-9_.!~*'()-]/]

const upperEscapes = (text: string): string => text.replace(/%[0-9a-f]{2}/g, (code) => code.toUpperCase())

/** The part of a text's base64 that depends on the secret alone when so many bytes (modulo 3) come before it. */
const base64At = (secret: string, before: number): string => {
  const bits = (before + secret.length) * 8
  return btoa("\0".repeat(before) + secret).slice(Math.ceil((before * 8) / 6), Math.floor(bits / 6))
}

/**
 * Line breaks and zero bytes are ignored on both sides: encodings are folded into lines, and UTF-16 has a zero beside each ASCII
 * letter.
 */
const isPassedOver = (byte: number): boolean => byte === 0 || byte === LF || byte === 13

const LF = 10

/** The header and footer of a key file are no secret, and are the same in every key file. */
const withoutBreaks = (secret: string): string => {
  const bytes = new TextEncoder().encode(secret.replace(/-----(?:BEGIN|END) [A-Z ]*-----/g, ""))
  return Array.from(
    bytes.filter((byte) => !isPassedOver(byte)),
    (byte) => String.fromCharCode(byte),
  ).join("")
}

/** Texts of one length, and a hash table that rules out most non-matches. */
interface Pattern {
  readonly length: number
  readonly windows: ReadonlySet<string>
  readonly table: Uint8Array
  /** Weight of the oldest byte of a window in its hash. */
  readonly oldest: number
}

const BASE = 0x01000193
const TABLE_BITS = 18

const slot = (hash: number): number => (hash ^ (hash >>> 14)) & ((1 << TABLE_BITS) - 1)

const patternOf = (length: number, windows: ReadonlySet<string>): Pattern => {
  const table = new Uint8Array(1 << TABLE_BITS)
  for (const window of windows) {
    let hash = 0
    for (let at = 0; at < length; at += 1) hash = (Math.imul(hash, BASE) + window.charCodeAt(at)) | 0
    table[slot(hash)] = 1
  }
  let oldest = 1
  for (let at = 0; at < length; at += 1) oldest = Math.imul(oldest, BASE)
  return { length, windows, table, oldest }
}

const startSearch = (patterns: ReadonlyArray<Pattern>): SecretSearch => {
  const longest = Math.max(0, ...patterns.map(({ length }) => length))
  const found = new Set<number>()
  let line = 1
  let kept = new Uint8Array(0)
  return {
    push: (bytes) => {
      const text = new Uint8Array(kept.length + bytes.length)
      text.set(kept)
      let size = kept.length
      for (const byte of bytes) if (!isPassedOver(byte)) text[size++] = byte
      const ends = patterns.flatMap((pattern) => endsIn(pattern, text.subarray(0, size), kept.length))
      const lines = ends.map((end) => line + breaksBefore(bytes, end - kept.length))
      line += breaksBefore(bytes, Number.POSITIVE_INFINITY)
      kept = text.slice(Math.max(0, size - longest + 1), size)
      const fresh = [...new Set(lines)].filter((at) => !found.has(at))
      for (const at of fresh) found.add(at)
      return fresh
    },
  }
}

/** More than these make a report no clearer. */
const ENDS_MAX = 1000

/** Ends of matching windows; a rolling hash rules out most others. Windows that an earlier chunk contained are skipped. */
const endsIn = (pattern: Pattern, text: Uint8Array, from: number): ReadonlyArray<number> => {
  const { length, windows, table, oldest } = pattern
  const ends: Array<number> = []
  let hash = 0
  for (let at = Math.max(0, from - length + 1), begin = at; at < text.length; at += 1) {
    hash = (Math.imul(hash, BASE) + (text[at] ?? 0)) | 0
    if (at - begin >= length) hash = (hash - Math.imul(text[at - length] ?? 0, oldest)) | 0
    if (at - begin < length - 1 || table[slot(hash)] === 0) continue
    const window = String.fromCharCode(...text.subarray(at - length + 1, at + 1))
    if (windows.has(window) && ends.push(at) === ENDS_MAX) break
  }
  return ends
}

/** Counts the line breaks before a byte; the position does not count ignored bytes. */
const breaksBefore = (bytes: Uint8Array, place: number): number => {
  let breaks = 0
  let at = -1
  for (const byte of bytes) {
    if (byte === LF) breaks += 1
    if (!isPassedOver(byte)) at += 1
    if (at >= place) break
  }
  return breaks
}
