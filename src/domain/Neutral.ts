/** Makes text from an agent, the forge or a repository safe to print on a terminal. */

/**
 * Characters that a terminal obeys or hides: control characters (C0 except newline and tab, DEL, C1), line and paragraph separators,
 * bidirectional marks, and characters without a glyph. Not the two selectors of emoji and text style.
 */
const HIDDEN = /(?!\n|\t|\ufe0e|\ufe0f)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu

/** Shows such characters as visible symbols or `\u{...}`. Newline and tab stay. */
export const neutral = (text: string): string =>
  text.replace(HIDDEN, (char) => {
    const code = char.codePointAt(0) ?? 0
    if (code < 0x20) return String.fromCodePoint(0x2400 + code)
    return code === 0x7f ? "\u2421" : `\\u{${code.toString(16)}}`
  })

/** The same, on one line. */
export const neutralLine = (text: string): string => neutral(text.replace(/[\n\t\r]+/g, " "))

/** JSON text with such characters escaped. Its value is the same. */
export const neutralJson = (json: string): string =>
  json.replace(HIDDEN, (char) =>
    char
      .split("")
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
      .join(""),
  )
