/** Finds PEM private keys that secretlint misses: short ones, such as Ed25519 and elliptic curve keys, and keys with broken lines. */

const BEGIN = /-----BEGIN (?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY(?: BLOCK)?-----/g

/** How many characters after the first line are inspected. */
const BODY_MAX = 600

/** The beginning of DER (RFC 5958, RFC 5915) or of OpenSSH's own format. A placeholder does not begin like this. */
const KEY = /^(?:M[A-P]|b3BlbnNza)[A-Za-z0-9+/]{38}/

/**
 * What may separate the parts of a body: line ends, also escaped as in a program's string, quotes, and the marks of comments and quoted
 * text. The neck's own text form puts "> " before each line of an issue.
 */
const BETWEEN = /\\[nr]|[\s"'`,\\>#*|;]/g

/** A private key in a text: start and end position, line, and the content between its first line and its last. */
export interface KeyInText {
  readonly start: number
  readonly end: number
  readonly line: number
  readonly body: string
}

/** All private keys in a text, in order. */
export const privateKeys = (text: string): ReadonlyArray<KeyInText> => {
  const counted = { to: 0, line: 1 }
  const lineOf = (index: number): number => {
    counted.line += text.slice(counted.to, index).split("\n").length - 1
    counted.to = index
    return counted.line
  }
  return [...text.matchAll(BEGIN)].flatMap(({ 0: first, index }) => {
    const from = index + first.length
    const [rest = ""] = text.slice(from, from + BODY_MAX).split("-----")
    const body = rest.replaceAll(BETWEEN, "")
    return KEY.test(body) ? [{ start: index, end: from + rest.length, line: lineOf(index), body }] : []
  })
}
