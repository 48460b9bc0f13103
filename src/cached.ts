/** Runs a bundled program with V8's code cache from an earlier run: compiling it anew takes half of the time of a short command. */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { join } from "node:path"
import { cachedDataVersionTag } from "node:v8"
import { Script } from "node:vm"
import { wrapped } from "./commonJs.ts"

/**
 * Runs the CommonJS file `name` of a directory, all ASCII, and returns its exports. `digest` is a hash of its content: V8 tells sources
 * apart by their length alone. When the process ends, the code cache is written beside the program; who could put
 * other code there could change the program too. Where it cannot be written, the program is compiled each time.
 *
 * A cache has the functions that were used in the run that wrote it. So each `use` of the program has its own, written by a run that
 * did not fail: a mistyped command leaves none.
 */
export const runCached = (directory: string, name: string, digest: string, use = ""): unknown => {
  const file = join(directory, name)
  const kept = join(directory, `${name}.${digest}${use}.${cachedDataVersionTag().toString(16)}.v8`)
  const cachedData = attempt(() => readFileSync(kept))
  const script = new Script(wrapped(readFileSync(file, "latin1")), { filename: file, cachedData })
  if (script.cachedDataRejected !== false)
    process.once("exit", (code) =>
      code === 0 || (use === "" && code !== WRONG_USAGE) ? keep(script, kept) : undefined,
    )
  const module = { exports: {} }
  script.runInThisContext()(module.exports, createRequire(file), module, file, directory)
  return module.exports
}

/** The command that a command line names, for `runCached`: "-orchestrate-status", "-list", or "" without one. */
export const commandUse = ([first = "", second = ""]: ReadonlyArray<string>): string =>
  !WORD.test(first) ? "" : first === "orchestrate" && WORD.test(second) ? `-${first}-${second}` : `-${first}`

/** The exit code of a program that did not get what it works on. It has used few of its functions. */
const WRONG_USAGE = 2

const WORD = /^[a-z]{1,16}$/

/** Renames the file into place, so that a reader finds all of it or nothing. */
const keep = (script: Script, path: string): void => {
  const part = `${path}.${process.pid}`
  attempt(() => {
    writeFileSync(part, script.createCachedData(), { mode: 0o644 })
    renameSync(part, path)
  })
  attempt(() => rmSync(part, { force: true }))
}

/** A cache that cannot be read or written must not fail the program. */
const attempt = <A>(body: () => A): A | undefined => {
  try {
    return body()
  } catch {
    return undefined
  }
}
