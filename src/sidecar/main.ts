/** `sidecar serve`: the sidecar as a process. It reads its document from stdin. Once it serves it is independent of its launcher. */
import { runMain } from "@effect/platform-node/NodeRuntime"
import { Cause, Effect, Exit, Layer, Logger, Option, Random } from "effect"
import { randomUUID } from "node:crypto"
import { closeSync, openSync, writeSync } from "node:fs"
import { InvalidInput, type SidecarError } from "../domain/Errors.ts"
import * as LiveForges from "../layers/forges.ts"
import { kindWith } from "../layers/gitea/GiteaForge.ts"
import * as Machine from "../layers/sidecar/machine.ts"
import type { ForgeKind, Forges } from "../services/Forges.ts"
import { withoutCoreDumps } from "./coreDumps.ts"
import { type SidecarOptions, serve } from "./serve.ts"
import { ANSWER_BYTES_MAX } from "./http/room.ts"
import { DOCUMENT_BYTES_MAX, decodeDocument } from "./SidecarDocument.ts"

/** How a sidecar process differs from this package's own. */
export interface SidecarMainOptions extends SidecarOptions {
  /** The kinds of forge that it supports; only Gitea unless given. In `Forges.layer`, use {@link gitea} for Gitea. */
  readonly forges?: Layer.Layer<Forges>
}

/** Gitea as a kind of forge, with responses that fit into the memory of a sidecar process. */
export const gitea: ForgeKind = kindWith({ answerBytesMax: ANSWER_BYTES_MAX })

/**
 * Reads the document, serves it, prints one line on stdout, and returns when the sidecar has ended (also by an interruption, such as
 * SIGTERM). Fails with `InvalidInput` for a bad document.
 */
export const main: Effect.Effect<void, InvalidInput | SidecarError> = Effect.suspend(() => mainWith({}))

/** `main` with other times, calls or kinds of forge. */
export const mainWith = ({
  forges = giteaAlone,
  ...options
}: SidecarMainOptions): Effect.Effect<void, InvalidInput | SidecarError> =>
  Effect.gen(function* () {
    yield* withoutCoreDumps
    const document = yield* decodeDocument(yield* readStdin)
    const { ended } = yield* serve(document, options)
    yield* sayReady(document.socketPath)
    yield* letGo
    yield* ended
  }).pipe(Effect.scoped, Effect.provide(Layer.merge(forges, Machine.layer)))

/**
 * `mainWith` as a whole process. Failures and the log go to stderr, where the launcher reads them: stdout is for the line that the
 * launcher waits for. Exit codes: 2 for a bad document, 125 for other failures.
 */
export const run = (options: SidecarMainOptions): void => {
  const program = mainWith(options).pipe(
    Effect.tapError((error) => Effect.sync(() => process.stderr.write(`sidecar: ${error.message}\n`))),
    Effect.provide(Logger.replace(Logger.defaultLogger, Logger.withConsoleError(Logger.logfmtLogger))),
    // effect draws its seed when it is loaded: processes that start from one snapshot would all have the same.
    Effect.withRandom(Random.make(randomUUID())),
  )
  runMain(program, {
    disableErrorReporting: true,
    teardown: (exit, onExit) => {
      if (Exit.isSuccess(exit) || Cause.isInterruptedOnly(exit.cause)) return onExit(0)
      const failure = Cause.failureOption(exit.cause)
      onExit(Option.isSome(failure) && failure.value instanceof InvalidInput ? WRONG_USAGE : OWN_FAILURE)
    },
  })
}

const WRONG_USAGE = 2
const OWN_FAILURE = 125

/** A regular import: a lazy one would make the bundler keep, and the start evaluate, all of effect. */
const giteaAlone = LiveForges.layer({ gitea })

/** All of stdin, up to slightly more than the limit. Not by a blocking read, which would delay SIGTERM. */
const readStdin: Effect.Effect<string, InvalidInput> = Effect.async<string, InvalidInput>((resume) => {
  const { stdin } = process
  const chunks: Array<Buffer> = []
  let size = 0
  const done = () => resume(Effect.succeed(Buffer.concat(chunks).toString("utf8")))
  stdin.on("data", (chunk: Buffer) => {
    size += chunk.length
    chunks.push(chunk)
    if (size > DOCUMENT_BYTES_MAX) done()
  })
  stdin.once("end", done)
  stdin.once("error", () =>
    resume(Effect.fail(new InvalidInput({ field: "sidecar document", reason: "stdin cannot be read" }))),
  )
}).pipe(Effect.ensuring(Effect.sync(() => process.stdin.destroy())))

/** It does not matter if the launcher is gone. */
const sayReady = (socketPath: string): Effect.Effect<void> =>
  Effect.ignore(Effect.try(() => writeSync(1, `${JSON.stringify({ ready: true, socketPath })}\n`)))

/** Standard streams become /dev/null: `open` uses the lowest free number. */
const letGo: Effect.Effect<void> = Effect.forEach(
  [0, 1, 2],
  (fd) =>
    Effect.ignore(
      Effect.try(() => {
        closeSync(fd)
        openSync("/dev/null", "r+")
      }),
    ),
  { discard: true },
)
