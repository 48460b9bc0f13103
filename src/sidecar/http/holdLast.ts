/** Passes a body on as it arrives, but for its last piece, which waits for a verdict: until then the request is not whole. */
import { Transform } from "node:stream"

/** `verdict` is asked once, when the body has ended. Without its consent the last piece and the end are not passed on. */
export const holdLast = (verdict: (passes: () => void) => void): Transform => {
  let held: Buffer | undefined
  return new Transform({
    transform: (chunk: Buffer, _, done) => {
      const before = held
      held = chunk
      done(null, before)
    },
    flush: (done) => verdict(() => done(null, held)),
  })
}
