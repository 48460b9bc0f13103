/** Runs a bundled program with the code that V8 made of it in an earlier run: to compile it anew is half of what a short command takes. */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { createRequire, wrap } from "node:module"
import { join } from "node:path"
import { cachedDataVersionTag } from "node:v8"
import { Script } from "node:vm"

/**
 * Runs the CommonJS file `name` of a directory, all ASCII, and answers what it exports. `digest` is of its content,
 * because V8 tells sources apart by their length alone. The code is written beside the program when the process ends:
 * who could put other code there could change the program too. Where it cannot be written, the program is compiled.
 */
export const runCached = (directory: string, name: string, digest: string): unknown => {
  const file = join(directory, name)
  const kept = join(directory, `${name}.${digest}.${cachedDataVersionTag().toString(16)}.v8`)
  const cachedData = attempt(() => readFileSync(kept))
  const script = new Script(wrap(readFileSync(file, "latin1")), { filename: file, cachedData })
  if (script.cachedDataRejected !== false) process.once("exit", () => keep(script, kept))
  const module = { exports: {} }
  script.runInThisContext()(module.exports, createRequire(file), module, file, directory)
  return module.exports
}

/** A reader finds all of it or nothing. */
const keep = (script: Script, path: string): void => {
  const part = `${path}.${process.pid}`
  attempt(() => {
    writeFileSync(part, script.createCachedData())
    renameSync(part, path)
  })
  attempt(() => rmSync(part, { force: true }))
}

/** Nothing here is worth a failure of the program. */
const attempt = <A>(body: () => A): A | undefined => {
  try {
    return body()
  } catch {
    return undefined
  }
}
