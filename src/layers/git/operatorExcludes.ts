/**
 * Finds the files that the operator wants git to ignore everywhere: `core.excludesFile` of the operator's configuration, or git's
 * default.
 */
import { Effect } from "effect"
import { homedir } from "node:os"
import { join, resolve } from "node:path"
import { ProcessRunner } from "../../services/ProcessRunner.ts"

/** Variables with which git finds the operator's configuration when it is not below HOME. */
const PLACES = ["XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"]

/**
 * The file, or undefined if none is set. `directory` is a repository made by bot-bottle, so that no untrusted configuration counts. A
 * relative path starts at `top`, as for git. Fails when the configuration cannot be read, because ignored files would then be copied.
 */
export const operatorExcludes = Effect.fn("operatorExcludes")(function* (
  directory: string,
  top: string,
): Effect.fn.Return<string | undefined, string, ProcessRunner> {
  const runner = yield* ProcessRunner
  const { exitCode, stdout, stderr } = yield* Effect.mapError(
    runner.run({
      command: "git",
      args: ["config", "--type=path", "-z", "--get", "core.excludesFile"],
      env: { ...ofOperator(), GIT_DIR: directory },
      cwd: "/",
      timeoutMs: 60_000,
    }),
    ({ message }) => message,
  )
  if (exitCode === 0) {
    const path = stdout.replace(/\0.*$/s, "")
    return path === "" ? undefined : resolve(top, path)
  }
  // 1 means that the key is not set.
  if (exitCode === 1)
    return join(process.env["XDG_CONFIG_HOME"] || join(homedir(), ".config"), "git", "ignore")
  return yield* Effect.fail(`your own git configuration cannot be read: ${stderr.trim()}`)
})

const ofOperator = (): Record<string, string> =>
  Object.fromEntries(
    PLACES.flatMap((name) => {
      const value = process.env[name]
      return value === undefined ? [] : [[name, value]]
    }),
  )
