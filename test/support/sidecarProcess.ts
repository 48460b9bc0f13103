/** The sidecar's bundle as a child of a test, with a directory of its own. */
import { Effect } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { join } from "node:path"
import { packageFile } from "../../src/layers/home/packageRoot.ts"

/** How a process ended. */
export interface Ended {
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
}

/** A document that serves below `directory`. */
export const documentIn = (directory: string, more: object = {}) => ({
  slug: "door-abcde",
  socketPath: join(directory, "run", "neck", "neck.sock"),
  controlPath: join(directory, "run", "control.sock"),
  stateDir: join(directory, "state"),
  ...more,
})

/** Starts the bundle; killed when the scope closes. `stdin` stays open when it is undefined. */
export const startSidecar = (
  stdin: string | undefined,
  options: { readonly env?: Record<string, string>; readonly flags?: ReadonlyArray<string> } = {},
) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(
        process.execPath,
        [...(options.flags ?? []), packageFile("dist", "bin", "sidecar.cjs")],
        { stdio: "pipe", env: options.env ?? {} },
      )
      const output = { stdout: "", stderr: "" }
      child.stdout.on("data", (chunk) => (output.stdout += String(chunk)))
      child.stderr.on("data", (chunk) => (output.stderr += String(chunk)))
      child.stdin.on("error", () => undefined)
      if (stdin !== undefined) child.stdin.end(stdin)
      return { child, output, ended: ended(child, output), ready: ready(child, output) }
    }),
    ({ child }) => Effect.sync(() => child.kill("SIGKILL")),
  )

const ended = (child: ChildProcess, output: { stdout: string; stderr: string }): Effect.Effect<Ended> =>
  Effect.async((resume) => {
    const tell = () => resume(Effect.succeed({ code: child.exitCode, signal: child.signalCode, ...output }))
    if (child.exitCode !== null || child.signalCode !== null) tell()
    else child.once("close", tell)
  })

const ready = (child: ChildProcess, output: { readonly stdout: string }): Effect.Effect<unknown> =>
  Effect.async((resume) => {
    const look = () => {
      if (output.stdout.includes("\n")) resume(Effect.sync(() => JSON.parse(output.stdout)))
    }
    child.stdout?.on("data", look)
    look()
  })
