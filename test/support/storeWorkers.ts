/** Starts processes of storeWorker.ts, from one bundle made on first use. */
import { Effect } from "effect"
import { build } from "esbuild"
import { fork } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import type { Answer, Command } from "./storeWorker.ts"

/** Beside the installed packages, so that better-sqlite3 is found from there. */
const bundle = fileURLToPath(
  new URL("../../node_modules/.cache/bot-bottle-test/storeWorker.mjs", import.meta.url),
)

const bundled = Effect.runSync(
  Effect.cached(
    Effect.promise(() =>
      build({
        entryPoints: [fileURLToPath(new URL("storeWorker.ts", import.meta.url))],
        outfile: bundle,
        bundle: true,
        platform: "node",
        target: "node20",
        format: "esm",
        external: ["better-sqlite3"],
        logLevel: "error",
      }),
    ),
  ),
)

/** A process that uses the stores. */
export interface Worker {
  readonly pid: number
  /** Answers the message of what failed, `""` when nothing did. */
  readonly tell: (command: Command) => Effect.Effect<string>
  /** Ends it by SIGKILL, and waits for that. */
  readonly kill: Effect.Effect<void>
}

/** Such a process; killed when the scope closes. */
export const worker = Effect.acquireRelease(
  Effect.zipRight(
    bundled,
    Effect.sync((): Worker => {
      const child = fork(bundle, { serialization: "json" })
      const exited = once(child, "exit")
      return {
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
        kill: Effect.promise(async () => {
          child.kill("SIGKILL")
          await exited
        }),
      }
    }),
  ),
  (each) => each.kill,
)
