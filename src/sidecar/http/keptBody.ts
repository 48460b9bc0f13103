/** Keeps the bodies of requests that may have to be sent again, within limits. */

/** The body of one request. */
export interface KeptBody {
  /** Keeps a part, or drops everything when there is no room for it. */
  readonly add: (part: Buffer) => void
  /** All parts so far; undefined when they were dropped. */
  readonly parts: () => ReadonlyArray<Buffer> | undefined
  readonly drop: () => void
}

/** A larger body is passed on without being kept. */
export const KEPT_BYTES_MAX = 8 * 1024 * 1024

/** Total of the kept bodies of a sidecar. */
const ALL_KEPT_BYTES_MAX = 24 * 1024 * 1024

/** Bodies that share one total. */
export const makeKeptBodies = (): (() => KeptBody) => {
  let all = 0
  return () => {
    let parts: Array<Buffer> | undefined = []
    let size = 0
    const drop = () => {
      all -= size
      size = 0
      parts = undefined
    }
    return {
      add: (part) => {
        if (parts === undefined) return
        if (size + part.length > KEPT_BYTES_MAX || all + part.length > ALL_KEPT_BYTES_MAX) return drop()
        size += part.length
        all += part.length
        parts.push(part)
      },
      parts: () => parts,
      drop,
    }
  }
}
