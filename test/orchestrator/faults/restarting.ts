/** A service in a process that is killed at a step, and begun again at once, until no step is left. */
import { Deferred, Effect, Runtime } from "effect"
import { readFileSync, writeFileSync } from "node:fs"
import { bundledChild } from "../../support/bundledChild.ts"
import type { Boxes } from "./boxes.ts"
import type { Begin, Said } from "./killable.ts"
import { answering, type Call } from "./remote.ts"

const killable = bundledChild("../orchestrator/faults/killable")

/** Serves from now on; another process takes over when one is killed at the next of `kills`. Ends with the scope. */
export const restarting = Effect.fnUntraced(function* (
  { settings, began, kills }: Omit<Begin, "steps" | "kill"> & { readonly kills: ReadonlyArray<string> },
  { boxes, deliverTo }: { readonly boxes: Boxes; readonly deliverTo: (port: number) => void },
) {
  const steps = `${settings.filename}.steps`
  writeFileSync(steps, "")
  const killed: Array<string> = []
  const answer = answering(boxes)
  const run = Runtime.runFork(yield* Effect.runtime())
  const serves = yield* Deferred.make<void, string>()
  const spawn = Effect.fnUntraced(function* (kill: string | undefined) {
    const { child, exited } = yield* killable
    child.on("message", (message: Said | Call) => {
      if ("call" in message) {
        // The one who asked may be gone by then.
        run(Effect.map(answer(message), (it) => child.connected && child.send(it, () => undefined)))
        return
      }
      if (message.port !== undefined) {
        deliverTo(message.port)
        Deferred.unsafeDone(serves, Effect.void)
      }
      if (message.failed !== undefined) Deferred.unsafeDone(serves, Effect.fail(message.failed))
    })
    child.send({ settings, began, steps, ...(kill !== undefined && { kill }) } satisfies Begin)
    return yield* Effect.promise(() => exited)
  })
  yield* Effect.forkScoped(
    Effect.gen(function* () {
      for (const kill of kills) {
        const [, signal] = yield* spawn(kill)
        killed.push(`${kill}: ${String(signal)}`)
      }
      yield* spawn(undefined)
    }),
  )
  yield* Deferred.await(serves)
  return {
    /** The steps that were taken, in order. */
    steps: Effect.sync(() => readFileSync(steps, "utf8").trim().split("\n")),
    /** How each process ended that did. */
    killed,
  }
})
