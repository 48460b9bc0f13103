/** A child whose whole process group ends when the child ends or this process does, however that happens. */
import { Effect } from "effect"
import type { ChildProcess } from "node:child_process"
import type { ProcessError, ProcessSpec } from "../../services/ProcessRunner.ts"
import { spawnChild } from "./child.ts"

/**
 * A watcher in the group waits for the end of a pipe whose other end only this process has, then kills the group: the kernel closes
 * that end however this process dies. The watcher is in the group itself, so the group's number cannot be reused by then.
 */
const WATCHED = `(read -r _ <&3; kill -KILL 0) </dev/null >/dev/null 2>&1 & exec 3<&-; exec "$@"`

/** Starts it as the leader of its own process group; see `ProcessSpec.endsWithUs`. */
export const spawnBound = (
  spec: ProcessSpec,
  stdio: ReadonlyArray<"ignore" | "pipe">,
): Effect.Effect<ChildProcess, ProcessError> =>
  Effect.tap(
    spawnChild(
      { ...spec, command: "sh", args: ["-c", WATCHED, "sh", spec.command, ...spec.args] },
      { stdio: [...stdio, "pipe"], detached: true },
    ),
    (child) =>
      Effect.sync(() => {
        const tether = child.stdio[3]
        tether?.on("error", () => undefined)
        child.once("exit", () => tether?.destroy())
      }),
  )
