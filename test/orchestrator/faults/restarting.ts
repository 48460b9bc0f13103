/** A service in a process that is killed at a step, and begun again at once. */
import { Deferred, Effect, Runtime } from "effect"
import { bundledChild } from "../../support/bundledChild.ts"
import type { Boxes } from "./boxes.ts"
import type { Begin, Said } from "./killable.ts"
import { answering, type Call } from "./remote.ts"

const killable = bundledChild("../orchestrator/faults/killable")

/** Serves from now on; another process takes over when the first is killed at `kill`. Ends with the scope. */
export const restarting = Effect.fnUntraced(function* (
  { settings, began, kill }: Begin,
  { boxes, deliverTo }: { readonly boxes: Boxes; readonly deliverTo: (port: number) => void },
) {
  const steps: Array<string> = []
  const killed: Array<string> = []
  const answer = answering(boxes)
  const run = Runtime.runFork(yield* Effect.runtime())
  const spawn = Effect.fnUntraced(function* (target: string | undefined) {
    const { child, exited } = yield* killable
    const serves = yield* Deferred.make<void, string>()
    child.on("message", (message: Said | Call) => {
      if ("call" in message) {
        // The one who asked may be gone by then.
        run(Effect.map(answer(message), (it) => child.connected && child.send(it, () => undefined)))
        return
      }
      if (message.step !== undefined) steps.push(message.step)
      if (message.port !== undefined) {
        deliverTo(message.port)
        Deferred.unsafeDone(serves, Effect.void)
      }
      if (message.failed !== undefined) Deferred.unsafeDone(serves, Effect.fail(message.failed))
    })
    child.send({ settings, began, ...(target !== undefined && { kill: target }) } satisfies Begin)
    return { exited: Effect.promise(() => exited), serves }
  })
  const first = yield* spawn(kill)
  const again = yield* Deferred.make<void, string>()
  yield* Effect.forkScoped(
    Effect.gen(function* () {
      const [, signal] = yield* first.exited
      killed.push(`${kill}: ${String(signal)}`)
      const { serves } = yield* spawn(undefined)
      yield* Deferred.complete(again, Deferred.await(serves))
    }),
  )
  yield* Effect.raceFirst(Deferred.await(first.serves), Deferred.await(again))
  return {
    /** The steps that were taken, in order. */
    steps,
    /** How the first process ended, if it did. */
    killed,
  }
})
