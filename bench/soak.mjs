// A soak: bottles come and go for some minutes, and what this process and the machine hold must not grow.
import Database from "better-sqlite3"
import { execFileSync } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { setFlagsFromString } from "node:v8"
import { setTimeout as sleep } from "node:timers/promises"
import { runInNewContext } from "node:vm"
import { destroy, freeze, resumeHeadless, startHeadless } from "../dist/index.js"
import { installation, PROMPT, withImage } from "./installation.mjs"

/** Bottles at once. */
const LANES = 2
/** Lives of bottles before the first look: code, caches and connections come with them. */
const WARM_UP = 12
/** Looks after the first. */
const LOOKS = 4
/** Longer than output waits for a reader, so that no timer of an earlier bottle is left. */
const SETTLE_MS = 11_000
/** How much larger the live heap may be at the last look than at the first. */
const HEAP_GROWTH = 1.2

/** What stays of a bottle by design: a signed statement of each run. */
const KEPT = new Set(["provenance"])

setFlagsFromString("--expose-gc")
const collect = runInNewContext("gc")

/** The rows of each table, of those that stay and of the others. */
const rowsIn = (path) => {
  const database = new Database(path, { readonly: true })
  try {
    const tables = database
      .prepare("select name from sqlite_master where type = 'table' and name not like 'sqlite_%'")
      .pluck()
      .all()
    const count = (names) =>
      names.reduce((sum, name) => sum + database.prepare(`select count(*) from "${name}"`).pluck().get(), 0)
    return {
      rows: count(tables.filter((name) => !KEPT.has(name))),
      kept: count(tables.filter((name) => KEPT.has(name))),
    }
  } finally {
    database.close()
  }
}

const filesBelow = (directory) => readdirSync(directory, { recursive: true }).length

/** Processes that this one started and that live. */
const children = () =>
  readdirSync(`/proc/${process.pid}/task`)
    .flatMap((task) => readFileSync(`/proc/${process.pid}/task/${task}/children`, "utf8").split(" "))
    .filter((pid) => pid !== "").length

const listeners = () => process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0)

const docker = (...args) =>
  execFileSync("docker", args, { encoding: "utf8" })
    .split("\n")
    .filter((line) => line !== "").length

/** What is held while no bottle lives. */
const look = async ({ home }, lives) => {
  await sleep(SETTLE_MS)
  collect()
  const { rss, heapUsed } = process.memoryUsage()
  const resources = process.getActiveResourcesInfo()
  const label = `label=bot-bottle.installation=${readFileSync(home.installation, "utf8").trim()}`
  return {
    lives,
    rss: rss / 1e6,
    heap: heapUsed / 1e6,
    descriptors: readdirSync("/proc/self/fd").length,
    timers: resources.filter((name) => name === "Timeout").length,
    handles: resources.length,
    listeners: listeners(),
    children: children(),
    containers: docker("ps", "--all", "--quiet", "--filter", label),
    images: docker("images", "--all", "--quiet", "--filter", label),
    files: filesBelow(home.states) + filesBelow(home.runRoot),
    ...rowsIn(home.database),
  }
}

/** Counts that must not be larger at the end. */
const COUNTS = [
  "descriptors",
  "timers",
  "handles",
  "listeners",
  "children",
  "containers",
  "images",
  "files",
  "rows",
]

/** What grew from one look to another, in words; none when nothing did. */
const growth = (first, last) => [
  ...COUNTS.filter((name) => last[name] > first[name]).map(
    (name) => `${name}: ${first[name]}, then ${last[name]}`,
  ),
  ...(last.heap > first.heap * HEAP_GROWTH
    ? [`live heap: ${first.heap.toFixed(1)} MB, then ${last.heap.toFixed(1)} MB`]
    : []),
]

const COLUMNS = ["lives", "rss", "heap", ...COUNTS, "kept"]

const tableOf = (looks) => {
  const lines = [
    COLUMNS,
    ...looks.map((each) => COLUMNS.map((name) => String(Math.round(each[name] * 10) / 10))),
  ]
  const widths = COLUMNS.map((_, column) => Math.max(...lines.map((line) => line[column].length)))
  return lines.map((line) => line.map((cell, column) => cell.padStart(widths[column])).join("  ")).join("\n")
}

/** Launches and destroys bottles for so many minutes; the looks, and what grew. */
export const soak = (context, minutes) =>
  withImage(async (image) => {
    const ours = installation(context, "soak", image)
    let lives = 0
    const options = { prompt: PROMPT }
    const live = async () => {
      const slug = await ours.run(startHeadless("echo", options))
      lives += 1
      if (lives % 3 === 0) {
        await ours.run(freeze(slug))
        await ours.run(resumeHeadless(slug, options))
      }
      await ours.run(destroy(slug))
    }
    const until = async (isOver) => {
      const lane = async () => {
        while (!isOver()) {
          context.stopIfAsked()
          await live()
        }
      }
      await Promise.all(Array.from({ length: LANES }, lane))
    }
    try {
      await until(() => lives >= WARM_UP)
      // SQLite keeps a descriptor of a file that its process opened twice: from the first look on.
      rowsIn(ours.home.database)
      const looks = [await look(ours, lives)]
      const start = performance.now()
      for (let n = 1; n <= LOOKS; n += 1) {
        const end = start + (n * minutes * 60_000) / LOOKS - SETTLE_MS
        await until(() => performance.now() >= end)
        looks.push(await look(ours, lives))
        context.tell(`${((performance.now() - start) / 60_000).toFixed(1)} min, ${lives} bottles\n`)
      }
      return { minutes, looks, table: tableOf(looks), grown: growth(looks[0], looks.at(-1)) }
    } finally {
      await ours.dispose()
    }
  })
