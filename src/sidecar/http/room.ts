/** Limits the memory of a neck: how many bytes of request bodies and forge responses are held at once, over all connections. */
import { Effect, Exit } from "effect"
import type { AnswerRoomShape } from "../../services/Forge.ts"

/** What one neck may hold. */
export interface Room {
  /** Reserves bytes for an arriving body. False when there is no room; nothing is then reserved. */
  readonly take: (bytes: number) => boolean
  readonly give: (bytes: number) => void
  /**
   * Starts the work on a body, at once or in its turn; `leave` ends it. None when too many small ones are in progress. Large bodies
   * wait for their turn. Small ones never wait, so that an unresponsive forge does not block calls that do not use it.
   */
  readonly enter: (
    body: { readonly bytes: number; readonly large: boolean },
    work: () => void,
  ) => Place | undefined
  /** Room for the forge's responses to one request. */
  readonly answers: () => AnswerPlace
}

/** A place in the queue, or in progress. */
export interface Place {
  readonly leave: () => void
}

/** What a request holds of the forge's responses. */
export interface AnswerPlace extends AnswerRoomShape {
  /** Releases what is held: the responses are no longer needed. */
  readonly give: () => void
}

/** Bodies that arrive or wait: they are outside of V8's heap. */
export const BODIES_BYTES_MAX = 16 * 1024 * 1024

/** A body up to this size is small: every call except a text for the forge. */
export const SMALL_BYTES_MAX = 32 * 1024

/** Total of small bodies in progress, and what the smallest counts as: its call holds about as much. */
const SMALLS_BYTES_MAX = 8 * 1024 * 1024
const SMALL_BYTES_MIN = 8 * 1024

/**
 * A body takes up to 30 times its size in V8's heap while it is parsed (one of small objects): few large ones are processed at once,
 * and the largest alone.
 */
const SHARES = 4
const SHARE_BYTES = 256 * 1024

/** Total of the forge's responses, in KiB. Each is held as text, as values and as text again. */
const ANSWERS_KIB = 16 * 1024
/** Largest forge response that a sidecar reads: this much room is reserved if its length is not known before. */
export const ANSWER_BYTES_MAX = 4 * 1024 * 1024
const ANSWER_KIB_MIN = 4
/** A later response of a request that needs no room of its own. */
const SMALL_KIB = 64
/** The maximum that one request counts. */
const REQUEST_KIB = ANSWERS_KIB / 2

/** Makes the room of a neck. */
export const makeRoom = (): Room => {
  let held = 0
  let smalls = 0
  let free = SHARES
  const waiting: Array<{ readonly shares: number; readonly begin: () => void }> = []
  const next = () => {
    while (waiting[0] !== undefined && waiting[0].shares <= free) waiting.shift()?.begin()
  }
  const enterSmall = (bytes: number, work: () => void): Place | undefined => {
    const counted = Math.max(bytes, SMALL_BYTES_MIN)
    if (smalls + counted > SMALLS_BYTES_MAX) return undefined
    smalls += counted
    work()
    return { leave: () => void (smalls -= counted) }
  }
  const enterLarge = (bytes: number, work: () => void): Place => {
    const shares = Math.min(SHARES, 1 + Math.floor(bytes / SHARE_BYTES))
    let state: "waits" | "works" = "waits"
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
        else waiting.splice(waiting.indexOf(turn), 1)
        next()
      },
    }
  }
  const answers = Effect.unsafeMakeSemaphore(ANSWERS_KIB)
  return {
    take: (bytes) => {
      if (held + bytes > BODIES_BYTES_MAX) return false
      held += bytes
      return true
    },
    give: (bytes) => {
      held -= bytes
    },
    enter: ({ bytes, large }, work) =>
      large || bytes > SMALL_BYTES_MAX ? enterLarge(bytes, work) : enterSmall(bytes, work),
    answers: () => answerPlace(answers),
  }
}

/**
 * Nothing waits for room while it holds some, since two that did could deadlock. So a later response releases what its request holds,
 * and waits for room for both. Until then the earlier responses are in memory uncounted: calls that read several large ones run one at
 * a time (`oneAtATime`). A later response that is known to be small reserves none.
 */
const answerPlace = (room: Effect.Semaphore): AnswerPlace => {
  let held = 0
  const keep = (taken: number, kept: number) => {
    held += kept
    return room.release(taken - kept)
  }
  return {
    within: (read, bytes) =>
      Effect.suspend(() => {
        const most = kibOf(Math.min(bytes ?? ANSWER_BYTES_MAX, ANSWER_BYTES_MAX))
        if (held > 0 && bytes !== undefined && most <= SMALL_KIB) return read
        return Effect.uninterruptibleMask((restore) =>
          Effect.gen(function* () {
            const before = held
            held = 0
            yield* room.release(before)
            const taken = yield* restore(room.take(Math.min(before + most, REQUEST_KIB)))
            return yield* Effect.onExit(restore(read), (exit) =>
              keep(taken, Math.min(taken, before + (Exit.isSuccess(exit) ? kibOf(exit.value.length) : 0))),
            )
          }),
        )
      }),
    give: () => {
      if (held === 0) return
      Effect.runSync(room.release(held))
      held = 0
    },
  }
}

const kibOf = (bytes: number): number => Math.max(ANSWER_KIB_MIN, Math.ceil(bytes / 1024))
