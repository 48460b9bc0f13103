/** The sidecar's bundle as a child of a test, with a directory of its own. */
import { Effect, Exit, Schedule, Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { copyFileSync, mkdirSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll } from "vitest"
import { packageFile } from "../../src/layers/home/packageRoot.ts"
import * as NodeProcessRunner from "../../src/layers/process/NodeProcessRunner.ts"
import { ownProgram, type SidecarProgram } from "../../src/layers/sidecar/sidecarProgram.ts"
import { NODE_FLAGS } from "../../src/layers/sidecar/starter.ts"
import { ProcessRunner } from "../../src/services/ProcessRunner.ts"
import { tempDir } from "./tempDir.ts"

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

/** What a sidecar's process may start from. */
export const SOURCES = ["its code", "its snapshot"] as const

/** The package's program in a directory of the test's own. A snapshot in `dist` may be removed by whoever cannot start from it. */
export const copiedProgram = Effect.map(tempDir, (root) => {
  const directory = join(root, "bin")
  mkdirSync(directory)
  // Where a sidecar looks for its package.
  mkdirSync(join(root, "node_modules"))
  symlinkSync(packageFile(), join(root, "node_modules", "bot-bottle"))
  for (const name of ["sidecar.cjs", "sidecar.main.cjs", "snapshot.cjs"])
    copyFileSync(packageFile("dist", "bin", name), join(directory, name))
  return { directory, program: ownProgram(NODE_FLAGS, directory) }
})

/** `startSidecar` from one of them, for all tests of a `describe`. */
export const startingFrom = (source: (typeof SOURCES)[number]): typeof startSidecar => {
  let args: ReadonlyArray<string> | undefined
  const scope = Effect.runSync(Scope.make())
  beforeAll(async () => {
    if (source === "its snapshot")
      args = await copiedProgram.pipe(
        Effect.flatMap(({ program }) => fromSnapshot(program)),
        Scope.extend(scope),
        Effect.provide(NodeProcessRunner.layer),
        Effect.runPromise,
      )
  })
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  return (stdin, options = {}) =>
    Effect.suspend(() => startSidecar(stdin, { ...options, ...(args !== undefined && { args }) }))
}

/** node's arguments for a program's snapshot, which is made first unless it is there. */
export const fromSnapshot = (program: SidecarProgram) =>
  Effect.gen(function* () {
    const { detached } = yield* ProcessRunner
    // Its code cache is written when a sidecar ends.
    yield* Effect.scoped(
      Effect.gen(function* () {
        const document = JSON.stringify(documentIn(yield* tempDir))
        const first = yield* startSidecar(document, { args: [...NODE_FLAGS, ...program.plain] })
        yield* first.ready
        first.child.kill("SIGTERM")
        yield* first.ended
      }),
    )
    yield* Effect.ignore(Effect.flatMap(Effect.flatten(program.making), detached))
    const args = Effect.flatten(program.fast)
    return [...NODE_FLAGS, ...(yield* Effect.retry(args, Schedule.spaced("100 millis")))]
  }).pipe(Effect.timeout("2 minutes"))

/** Starts the bundle; killed when the scope closes. `stdin` stays open when it is undefined. */
export const startSidecar = (
  stdin: string | undefined,
  options: {
    readonly env?: Record<string, string>
    readonly flags?: ReadonlyArray<string>
    /** All of node's arguments, instead of the flags. */
    readonly args?: ReadonlyArray<string>
  } = {},
) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(
        process.execPath,
        options.args ?? [...(options.flags ?? []), packageFile("dist", "bin", "sidecar.cjs")],
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
