/** Starts processes of storeWorker.ts. */
import { Effect } from "effect"
import { once } from "node:events"
import { bundledChild } from "./bundledChild.ts"
import type { Answer, Command } from "./storeWorker.ts"

/** A process that uses the stores. */
export interface Worker {
  readonly pid: number
  /** Answers the message of what failed, `""` when nothing did. */
  readonly tell: (command: Command) => Effect.Effect<string>
  /** Ends it by SIGKILL, and waits for that. */
  readonly kill: Effect.Effect<void>
}

/** Such a process; killed when the scope closes. */
export const worker = Effect.map(bundledChild("storeWorker"), ({ child, exited, kill }): Worker => ({
  pid: child.pid ?? 0,
  tell: (command) =>
    Effect.promise(async () => {
      const answered = once(child, "message") as Promise<[Answer]>
      child.send(command)
      const [answer] = await Promise.race([
        answered,
        exited.then((how): [Answer] => [{ error: `exited: ${how.join(" ")}` }]),
      ])
      return answer.error ?? ""
    }),
  kill,
}))
