/** The memory of a neck: how much of request bodies is held at once, and how many calls are worked on, over all connections. */

/** What one neck may hold. */
export interface Room {
  /** Takes bytes for a body that arrives; false when there is no room, and then nothing is taken. */
  readonly take: (bytes: number) => boolean
  readonly give: (bytes: number) => void
  /** Does some work on a body of so many bytes, at once or in its turn; `leave` ends it. */
  readonly enter: (bytes: number, work: () => void) => Place
}

/** A place in the queue, or at work. */
export interface Place {
  readonly leave: () => void
}

/** Bodies that arrive or wait: they lie outside of V8's heap. */
export const BODIES_BYTES_MAX = 16 * 1024 * 1024

/**
 * A body becomes up to 30 times as much in V8's heap while it is parsed (one of small objects), and a call holds an
 * answer of the forge until its client has read it. So few calls are worked on at once, and a large one alone.
 */
const SHARES = 4
const SHARE_BYTES = 256 * 1024

/** Makes the room of a neck. */
export const makeRoom = (): Room => {
  let held = 0
  let free = SHARES
  const waiting: Array<{ readonly shares: number; readonly begin: () => void }> = []
  const next = () => {
    while (waiting[0] !== undefined && waiting[0].shares <= free) waiting.shift()?.begin()
  }
  return {
    take: (bytes) => {
      if (held + bytes > BODIES_BYTES_MAX) return false
      held += bytes
      return true
    },
    give: (bytes) => {
      held -= bytes
    },
    enter: (bytes, work) => {
      const shares = Math.min(SHARES, 1 + Math.floor(bytes / SHARE_BYTES))
      let state: "waits" | "works" | "left" = "waits"
      const turn = {
        shares,
        begin: () => {
          state = "works"
          free -= shares
          work()
        },
      }
      waiting.push(turn)
      next()
      return {
        leave: () => {
          if (state === "works") free += shares
          else if (state === "waits") waiting.splice(waiting.indexOf(turn), 1)
          state = "left"
          next()
        },
      }
    },
  }
}
