/** Starts processes of lifeWorker.ts. */
import { Effect } from "effect"
import { bundledChild } from "./bundledChild.ts"
import type { Command, Message } from "./lifeWorker.ts"

/** A process that uses the orchestrator's stores. */
export interface LifeWorker {
  /** What became of a command: its answer, or how it failed, or how the process ended meanwhile. */
  readonly tell: (command: Command) => Effect.Effect<Message & { readonly exited?: ReadonlyArray<unknown> }>
  /** What it has acknowledged so far. */
  readonly acknowledged: ReadonlyArray<string>
  /** Waits until it has acknowledged that many things. */
  readonly until: (count: number) => Effect.Effect<void>
  /** Ends it by SIGKILL, and waits for that. */
  readonly kill: Effect.Effect<void>
}

/** Such a process; killed when the scope closes. */
export const lifeWorker = Effect.map(bundledChild("lifeWorker"), ({ child, exited, kill }): LifeWorker => {
  const acknowledged: Array<string> = []
  child.on("message", (message: Message) => {
    if (message.acknowledged !== undefined) acknowledged.push(message.acknowledged)
  })
  const message = <A>(wanted: (message: Message) => A | undefined) =>
    Effect.async<A>((resume) => {
      const look = (message: Message) => {
        const found = wanted(message)
        if (found === undefined) return
        child.off("message", look)
        resume(Effect.succeed(found))
      }
      child.on("message", look)
      return Effect.sync(() => void child.off("message", look))
    })
  return {
    tell: (command) =>
      Effect.raceFirst(
        message((each) => (each.acknowledged === undefined ? each : undefined)),
        Effect.zipRight(
          Effect.sync(() => void child.send(command)),
          Effect.map(
            Effect.promise(() => exited),
            (how) => ({ exited: how }),
          ),
        ),
      ),
    acknowledged,
    until: (count) =>
      Effect.asVoid(message(() => (acknowledged.length >= count ? acknowledged.length : undefined))),
    kill,
  }
})
