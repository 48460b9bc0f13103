/**
 * Makes a start-up snapshot of a bundled program, with `node --snapshot-blob BLOB --build-snapshot`: the program's modules as they are
 * when they have all been evaluated. A process that starts from it calls the program's `start`.
 * https://nodejs.org/docs/latest-v20.x/api/cli.html#--build-snapshot
 *
 * Arguments: the program, a CommonJS file that is all ASCII, and its digest, with which `cached.ts` names the code cache. Functions that
 * are in the cache come compiled; newer versions of node refuse the cache here, and have only what is evaluated. Exit codes: 1 when no
 * snapshot can be made, 75 when there is no code cache yet.
 */
import { existsSync, readFileSync } from "node:fs"
import { dirname } from "node:path"
import { cachedDataVersionTag, startupSnapshot } from "node:v8"
import { Script } from "node:vm"
import { wrapped } from "./commonJs.ts"

/** The names that node's own modules export, by module: those that the program requires. Put here by the bundler. */
declare const MODULES: Readonly<Record<string, ReadonlyArray<string>>>

/** EX_TEMPFAIL of sysexits.h. */
const TOO_EARLY = 75

type Module = Record<string, unknown>

const [file = "", digest = ""] = process.argv.slice(2)
const cache = `${file}.${digest}.${cachedDataVersionTag().toString(16)}.v8`
if (!existsSync(cache)) process.exit(TOO_EARLY)

let isStarted = false

/** A module of node's that is loaded when the started program first uses it. node cannot put most of them into a snapshot. */
const loadedLater = (id: string, names: ReadonlyArray<string>): Module => {
  const later: Module = {}
  const load = (name: string): unknown => {
    if (!isStarted) throw new Error(`${id}: ${name} is used while the program's modules are evaluated`)
    const loaded: Module = require(id)
    for (const each of names) Object.defineProperty(later, each, { value: loaded[each] })
    return loaded[name]
  }
  for (const name of names)
    Object.defineProperty(later, name, { enumerable: true, configurable: true, get: () => load(name) })
  return later
}

/** What the modules use while they are evaluated. */
const LOADED_NOW = new Set(["node:path", "node:url"])

const modules = new Map(
  Object.entries(MODULES).map(([id, names]) => [
    id,
    LOADED_NOW.has(id) ? require(id) : loadedLater(id, names),
  ]),
)

const requireLater = (id: string): unknown => {
  const found = modules.get(id)
  if (found === undefined) throw new Error(`${id} is not a module of node's that the bundler saw`)
  return found
}

const evaluate = (): { readonly start: () => void } => {
  const script = new Script(wrapped(readFileSync(file, "latin1")), {
    filename: file,
    cachedData: readFileSync(cache),
  })
  const module = { exports: {} as { readonly start: () => void } }
  script.runInThisContext()(module.exports, requireLater, module, file, dirname(file))
  return module.exports
}

/** effect would keep the difference between two clocks, which another process does not have. Without this one it asks later. */
const { bigint } = process.hrtime
Object.assign(process.hrtime, { bigint: undefined })
const { start } = evaluate()
Object.assign(process.hrtime, { bigint })

startupSnapshot.setDeserializeMainFunction(() => {
  isStarted = true
  start()
})
