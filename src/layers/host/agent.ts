/** Runs and stops agents of the host backend: a session of plain processes. */
import { Effect, Option } from "effect"
import { dirname } from "node:path"
import type { Slug } from "../../domain/Slug.ts"
import type { ProcessSpec } from "../../services/ProcessRunner.ts"
import { outputLimit } from "../bottle/cutOutput.ts"
import type { HomeShape } from "../home/Home.ts"
import {
  attachSession,
  detachedScript,
  ended,
  interactiveScript,
  signalSession,
  startSession,
} from "../supervisor/session.ts"
import type { BoxPaths } from "./box.ts"
import { boxPaths } from "./box.ts"

const STOP_GRACE = "10 seconds"

const specOf = (home: HomeShape, slug: Slug, script: string): Omit<ProcessSpec, "stdin"> => {
  const paths = boxPaths(home, slug)
  const terminal = process.env["TERM"]
  return {
    command: "sh",
    args: ["-c", script, "bot-bottle", paths.control, `${home.of(slug).neck}/bin/enter`],
    cwd: paths.workspace,
    env: {
      HOME: paths.agentHome,
      // The forge command needs such a tool, and this one is certainly installed.
      PATH: `${process.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"}:${dirname(process.execPath)}`,
      BOT_BOTTLE_LOOPBACK: "1",
      ...(terminal === undefined ? {} : { TERM: terminal }),
    },
  }
}

/** Starts a created bottle. A running bottle is left alone. */
export const startBox = Effect.fn("Backend.start")((home: HomeShape, slug: Slug) =>
  Effect.flatMap(outputLimit(boxPaths(home, slug).outputLimit), (bytes) =>
    startSession(boxPaths(home, slug), specOf(home, slug, detachedScript('"$1"', bytes))),
  ),
)

/** Connects our terminal to the agent. The bottle runs as long as this process. */
export const attachBox = Effect.fn("Backend.attach")((home: HomeShape, slug: Slug) =>
  attachSession(boxPaths(home, slug), specOf(home, slug, interactiveScript('"$1"'))),
)

/** Sends TERM to the agent's whole session, then KILL after 10 s. */
export const stopBox = Effect.fn("Backend.stop")(function* (paths: BoxPaths) {
  yield* signalSession(paths, "SIGTERM")
  const inTime = yield* Effect.timeoutOption(Effect.interruptible(ended(paths)), STOP_GRACE)
  if (Option.isSome(inTime)) return
  yield* signalSession(paths, "SIGKILL")
  yield* ended(paths)
})
