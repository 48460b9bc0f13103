/** Starts a file of test/support as a process of its own, from a bundle that is made on first use. */
import { Effect } from "effect"
import { build } from "esbuild"
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"

/** A process that answers messages. */
export interface BundledChild {
  readonly child: ChildProcess
  /** When it has exited: code and signal. */
  readonly exited: Promise<ReadonlyArray<unknown>>
  /** Ends it by SIGKILL, and waits for that. */
  readonly kill: Effect.Effect<void>
}

/** Starts processes of `<name>.ts` beside this file; each is killed when its scope closes. */
export const bundledChild = (name: string) => {
  /** Beside the installed packages, so that better-sqlite3 is found from there. */
  const bundle = fileURLToPath(
    new URL(`../../node_modules/.cache/bot-bottle-test/${name}.mjs`, import.meta.url),
  )
  const bundled = Effect.runSync(
    Effect.cached(
      Effect.promise(() =>
        build({
          entryPoints: [fileURLToPath(new URL(`${name}.ts`, import.meta.url))],
          outfile: bundle,
          bundle: true,
          platform: "node",
          target: "node20",
          format: "esm",
          external: ["better-sqlite3"],
          banner: {
            js: "import { createRequire as $createRequire } from 'node:module'; const require = $createRequire(import.meta.url);",
          },
          logLevel: "error",
        }),
      ),
    ),
  )
  return Effect.acquireRelease(
    Effect.zipRight(
      bundled,
      Effect.sync((): BundledChild => {
        const child = fork(bundle, { serialization: "json" })
        const exited = once(child, "exit")
        const kill = Effect.promise(async () => {
          child.kill("SIGKILL")
          await exited
        })
        return { child, exited, kill }
      }),
    ),
    ({ kill }) => kill,
  )
}
