// A service with that many fake bottles at work and a week of runs behind it, for operators. Writes its address to the fourth argument.
import Database from "better-sqlite3"
import { Effect, Layer } from "effect"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { keepHeapSmall } from "../../dist/exports/Orchestrator.js"
import { parts, service } from "../fakeService.mjs"

const [directory, apiUrl, bottles, file, runs, token] = process.argv.slice(2)
const count = Number(bottles)
const DAY_MS = 86_400_000

/** What the database has of runs that ended in the last week: operations, use, and the history. */
const past = () => {
  const db = new Database(join(directory, "bench.db"))
  const issue = [apiUrl, "acme", "tool1"]
  // As the launches that were just made.
  const { input } = db.prepare("SELECT input FROM operations WHERE kind = 'Launch' LIMIT 1").get()
  const operation =
    db.prepare(`INSERT INTO operations (id, forge, owner, repo, issue_number, generation, step, host, kind, input, state,
    slug, run, created_ms, ended_ms) VALUES (?, ?, ?, ?, ?, 1, ?, 'past', 'Launch', ?, 'done', ?, ?, ?, ?)`)
  const use = db.prepare("INSERT INTO usage VALUES (?, ?, ?, ?, 0, ?, ?, 60, 12000, 25000)")
  const entry = db.prepare(
    "INSERT INTO history (forge, owner, repo, issue_number, at_ms, event) VALUES (?, ?, ?, ?, ?, ?)",
  )
  db.transaction(() => {
    for (let n = 0; n < Number(runs); n += 1) {
      const number = (n % count) + 1
      const run = 1 + Math.floor(n / count)
      const at = Math.floor(Date.now() - (7 * DAY_MS * n) / runs)
      const slug = `past-${String(number).padStart(5, "0")}`
      operation.run(
        `${apiUrl}/acme/tool1#${number}/1/${1000 + run}`,
        ...issue,
        number,
        1000 + run,
        input,
        slug,
        run,
        at,
        at + 60_000,
      )
      use.run(...issue, number, run, new Date(at).toISOString().slice(0, 10))
      const decided = {
        rule: "a comment",
        operation: "Resume",
        waits: null,
        reason: "a comment by ada",
        until: null,
        causes: [],
      }
      for (const event of [
        { _tag: "Decided", ...decided },
        { _tag: "Started", operation: "Resume", slug, run },
        { _tag: "Ended", operation: "Resume", slug, run, problem: null },
      ])
        entry.run(...issue, number, at, JSON.stringify(event))
    }
  })()
  db.close()
}

let started = 0
let address = ""
const begun = () => {
  if (started < count || address === "") return
  past()
  writeFileSync(file, address)
  process.stdout.write("ready\n")
}
const observe = (event) => {
  if (event._tag === "Serving") {
    address = event.listening
    begun()
  }
}
const step = (name) => {
  if (name === "start" && (started += 1) === count) setTimeout(begun, 2000)
}
process.stdin.once("end", () => process.exit(0)).resume()
await Effect.runPromise(keepHeapSmall)
const served = service(apiUrl, { running: count, operators: { ada: token }, observe })
await Effect.runPromise(Layer.launch(Layer.provide(served, parts(directory, step))))
