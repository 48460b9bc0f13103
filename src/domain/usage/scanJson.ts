/** Finds single values in JSON that arrives in pieces, in bounded memory: nothing else of the text is kept. */

/** A value that was found: its path, such as `usage.input_tokens`, and a number, a text, or a literal. */
export type Found = (path: string, value: number | string | boolean) => void

/** A reader of one JSON text after another. It never fails: what is not JSON yields nothing. */
export interface JsonScanner {
  readonly push: (bytes: Uint8Array, from: number, to: number) => void
  /** Ends a text: what follows begins a new one. */
  readonly end: () => void
}

/** What a scanner looks for. */
export interface Wanted {
  /** Paths of objects' keys, joined by dots. Values in lists have no path. */
  readonly paths: ReadonlySet<string>
  /** Keys of texts whose bytes are counted, at any depth. */
  readonly texts?: ReadonlySet<string>
  readonly found: Found
  /** Bytes of a text under one of `texts`, as they arrive. */
  readonly text?: (bytes: number) => void
}

/** Deeper values are skipped. */
const DEPTH_MAX = 16
/** Bytes of a key or of a wanted text that are kept. An escaped byte takes six. */
const KEPT_MAX = 1024
/** Characters of a number that are kept: no count has more. */
const NUMBER_MAX = 32

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_LIST = 0x5b
const CLOSE_LIST = 0x5d
const OPEN_MAP = 0x7b
const CLOSE_MAP = 0x7d

/** `undefined`: a list. Otherwise the path of the map's newest key. */
type Level = { path: string | undefined; key: string; readonly prefix: string } | undefined

const decoder = new TextDecoder()

/** Makes a scanner. */
export const scanJson = ({ paths, texts, found, text }: Wanted): JsonScanner => {
  const levels: Array<Level> = []
  /** Depth beyond the levels that are kept. */
  let beyond = 0
  let awaitsKey = false
  let inString = false
  let isKey = false
  let escaped = false
  let keeps = false
  let counts = false
  let kept: Array<number> = []
  /** A number or a literal in progress. */
  let bare = ""

  const here = (): Level => (beyond > 0 ? undefined : levels[levels.length - 1])

  const open = (isMap: boolean) => {
    if (beyond > 0 || levels.length >= DEPTH_MAX) {
      beyond += 1
      return
    }
    const level = here()
    // Only a map within maps has a path: the first level's prefix is empty.
    const prefix = levels.length === 0 ? "" : level?.path === undefined ? undefined : `${level.path}.`
    levels.push(isMap ? { path: undefined, key: "", prefix: prefix ?? NOWHERE } : undefined)
    awaitsKey = isMap
  }
  const close = () => {
    awaitsKey = false
    if (beyond > 0) beyond -= 1
    else levels.pop()
  }
  const endBare = () => {
    if (bare === "") return
    const path = here()?.path
    if (path !== undefined && paths.has(path)) {
      if (bare === "true" || bare === "false") found(path, bare === "true")
      else if (/^-?\d/.test(bare) && bare.length < NUMBER_MAX && Number.isFinite(Number(bare)))
        found(path, Number(bare))
    }
    bare = ""
  }
  const beginString = () => {
    const level = here()
    inString = true
    isKey = awaitsKey && level !== undefined
    keeps = isKey || (level?.path !== undefined && paths.has(level.path))
    counts = !isKey && texts !== undefined && level !== undefined && texts.has(level.key)
    kept = []
  }
  const endString = () => {
    inString = false
    const level = here()
    if (isKey && level !== undefined) {
      level.key = textOf(kept)
      level.path = level.prefix === NOWHERE ? undefined : `${level.prefix}${level.key}`
      awaitsKey = false
    } else if (keeps && level?.path !== undefined) {
      found(level.path, textOf(kept))
    }
    keeps = false
  }
  const keep = (bytes: Uint8Array, from: number, to: number) => {
    for (let at = from; at < to && kept.length < KEPT_MAX; at += 1) kept.push(bytes[at] ?? 0)
  }

  /** Passes over the rest of a string. Returns where it ends: behind its quote, or at `to`. */
  const passString = (bytes: Uint8Array, from: number, to: number): number => {
    let at = from
    while (at < to) {
      if (escaped) {
        escaped = false
        at += 1
        continue
      }
      const byte = bytes[at]
      if (byte === BACKSLASH) escaped = true
      else if (byte === QUOTE) break
      at += 1
    }
    if (keeps) keep(bytes, from, at)
    if (counts) text?.(at - from)
    if (at >= to) return to
    endString()
    return at + 1
  }

  return {
    push: (bytes, from, to) => {
      let at = from
      while (at < to) {
        if (inString) {
          at = passString(bytes, at, to)
          continue
        }
        const byte = bytes[at] ?? 0
        at += 1
        if (byte === QUOTE) {
          endBare()
          beginString()
        } else if (byte === COMMA) {
          endBare()
          awaitsKey = here() !== undefined
        } else if (byte === OPEN_MAP || byte === OPEN_LIST) {
          endBare()
          open(byte === OPEN_MAP)
        } else if (byte === CLOSE_MAP || byte === CLOSE_LIST) {
          endBare()
          close()
        } else if (byte <= 0x20) {
          endBare()
        } else if (byte !== COLON && bare.length < NUMBER_MAX) {
          bare += String.fromCharCode(byte)
        }
      }
    },
    end: () => {
      endBare()
      levels.length = 0
      beyond = 0
      awaitsKey = false
      inString = false
      escaped = false
      bare = ""
      kept = []
    },
  }
}

/** The prefix of a map that has no path, because it is in a list. No key contains it. */
const NOWHERE = "\0"

/** A key may be written with escapes: what it means counts. */
const textOf = (bytes: ReadonlyArray<number>): string => {
  const raw = decoder.decode(Uint8Array.from(bytes))
  if (!raw.includes("\\")) return raw
  return raw.replaceAll(/\\(?:u([0-9a-fA-F]{4})|(.))/gs, (_, code: string | undefined, plain = "") =>
    code === undefined ? (PLAIN[plain] ?? plain) : String.fromCharCode(Number.parseInt(code, 16)),
  )
}

const PLAIN: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" }
