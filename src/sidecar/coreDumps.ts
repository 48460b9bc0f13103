/** Disables core dumps of a sidecar, even one started by hand, because its memory holds the secrets of a run. */
import { Effect } from "effect"
import { readFileSync, writeFileSync } from "node:fs"
import { SidecarError } from "../domain/Errors.ts"
import { ProcessRunner } from "../services/ProcessRunner.ts"

const OFF = /^Max core file size\s+0\s+0\s/m

/** Without /proc (macOS) there is nothing to check: the launcher's shell has set the limit. */
const isOff = Effect.try(() => OFF.test(readFileSync("/proc/self/limits", "utf8"))).pipe(
  Effect.orElseSucceed(() => true),
)

/**
 * Disables core dumps of this process and its children before any secret is read, or fails. The limit does not apply to a dump that the
 * kernel pipes to a program, so memory is also excluded from every dump.
 */
export const withoutCoreDumps = Effect.gen(function* () {
  yield* Effect.ignore(Effect.try(() => writeFileSync("/proc/self/coredump_filter", "0")))
  if (yield* isOff) return
  const runner = yield* ProcessRunner
  // Node has no call for it.
  yield* Effect.ignore(
    runner.run({ command: "prlimit", args: ["--core=0:0", "--pid", String(process.pid)], timeoutMs: 5000 }),
  )
  if (yield* isOff) return
  return yield* new SidecarError({
    slug: "*",
    operation: "serve",
    reason:
      'core dumps cannot be switched off: start it from a shell after "ulimit -c 0", or install prlimit',
  })
})
