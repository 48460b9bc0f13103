/** Text from an agent or the forge, made harmless for a terminal. */

/** Control characters but newline and tab, and the marks that re-order text, as visible pictures or `\u{...}`. */
export const neutral = (text: string): string =>
  // oxlint-disable-next-line no-control-regex -- these are what is looked for
  text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (char) => {
    const code = char.codePointAt(0) ?? 0
    if (code < 0x20) return String.fromCodePoint(0x2400 + code)
    return code === 0x7f ? "\u2421" : `\\u{${code.toString(16)}}`
  })

/** The same on one line. */
export const neutralLine = (text: string): string => neutral(text.replace(/[\n\t\r]+/g, " "))
