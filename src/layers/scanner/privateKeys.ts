/** Private keys in PEM that secretlint passes over: short ones, as of Ed25519 and of elliptic curves, and broken lines. */

const BEGIN = /-----BEGIN (?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY(?: BLOCK)?-----/g

/** How much of what follows the first line is looked at, in characters. */
const BODY_MAX = 600

/** What begins as DER (RFC 5958, RFC 5915) or as OpenSSH's own format; a placeholder does not. */
const KEY = /^(?:M[A-P]|b3BlbnNza)[A-Za-z0-9+/]{38}/

/**
 * What stands between the parts of a body: line ends, also as a string of a program has them, quotes, and the marks of
 * comments and quoted text. The neck's own text form puts "> " before each line of an issue.
 */
const BETWEEN = /\\[nr]|[\s"'`,\\>#*|;]/g

/** A private key in a text: from and to which character, on which line, and what is between its first line and its last. */
export interface KeyInText {
  readonly start: number
  readonly end: number
  readonly line: number
  readonly body: string
}

/** All of them, in their order. */
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
