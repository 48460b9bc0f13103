/** The input format of a scanner: a line of JSON that says what to look for, then objects in the format of `git cat-file --batch`. */

/** A part of the stream. `Data` comes in chunks between `Begin` and `End`. */
export type FramePart =
  | { readonly kind: "Config"; readonly text: string }
  | { readonly kind: "Begin"; readonly object: string; readonly type: string; readonly size: number }
  | { readonly kind: "Data"; readonly bytes: Uint8Array }
  | { readonly kind: "End" }
  /** A line that is no object header: nothing after it can be read. */
  | { readonly kind: "Broken"; readonly line: string }

const LF = 10

/** Parses the stream chunk by chunk. */
export const frameReader = (): ((bytes: Uint8Array) => ReadonlyArray<FramePart>) => {
  let header = ""
  let left = 0
  let place: "header" | "data" | "after" = "header"
  return (bytes) => {
    const parts: Array<FramePart> = []
    let at = 0
    while (at < bytes.length) {
      if (place === "header") {
        const end = bytes.indexOf(LF, at)
        const stop = end === -1 ? bytes.length : end
        header += Buffer.from(bytes.subarray(at, stop)).toString("utf8")
        at = stop + 1
        if (end === -1) continue
        const part = readHeader(header)
        header = ""
        parts.push(part)
        if (part.kind === "Begin") {
          left = part.size
          place = left === 0 ? "after" : "data"
        }
      } else if (place === "data") {
        const data = bytes.subarray(at, at + left)
        parts.push({ kind: "Data", bytes: data })
        at += data.length
        left -= data.length
        if (left === 0) place = "after"
      } else {
        at += 1
        place = "header"
        parts.push({ kind: "End" })
      }
    }
    return parts
  }
}

const readHeader = (line: string): FramePart => {
  if (line.startsWith("{")) return { kind: "Config", text: line }
  const [, object, type, size] = /^(\S+) (blob|tree|commit|tag) (\d+)$/.exec(line) ?? []
  return object === undefined || type === undefined
    ? { kind: "Broken", line }
    : { kind: "Begin", object, type, size: Number(size) }
}

/** A text as an object of the stream. */
export const frameOf = (object: string, text: string): Uint8Array => {
  const bytes = Buffer.from(text)
  return Buffer.concat([Buffer.from(`${object} blob ${bytes.length}\n`), bytes, Buffer.from("\n")])
}
