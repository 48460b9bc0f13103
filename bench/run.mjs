// npm run bench: how long things take, as ratios against a floor that is measured in the same run.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { cpus, tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { freezing, launch, resuming } from "./bottles.mjs"
import { burst } from "./burst.mjs"
import { commands } from "./commands.mjs"
import { egress } from "./egress.mjs"
import { gitGate } from "./git.mjs"
import { accepting } from "./inbox.mjs"
import { engineAnswers } from "./installation.mjs"
import { many } from "./many.mjs"
import { busyShare } from "./memory.mjs"
import { calls, memory } from "./neck.mjs"
import { atWork, idle, reaction, webhooks } from "./orchestrator.mjs"
import { output } from "./output.mjs"
import { table } from "./report.mjs"
import { route } from "./route.mjs"
import { soak } from "./soak.mjs"
import { upsert } from "./store.mjs"
import { sweep } from "./sweep.mjs"
import { viewers } from "./viewers.mjs"

const BENCHMARKS = {
  launch: { measure: launch, needsEngine: true },
  resume: { measure: resuming, needsEngine: true },
  burst: { measure: burst, needsEngine: true },
  many: { measure: many, needsEngine: true },
  output: { measure: output, needsEngine: true },
  commands: { measure: commands },
  neck: { measure: calls },
  route: { measure: route },
  egress: { measure: egress },
  git: { measure: gitGate },
  memory: { measure: memory },
  store: { measure: upsert },
  inbox: { measure: accepting },
  reaction: { measure: reaction },
  webhooks: { measure: webhooks },
  sweep: { measure: sweep },
  work: { measure: atWork },
  viewers: { measure: viewers },
  idle: { measure: idle },
  freeze: { measure: freezing, needsEngine: true },
}

const USAGE = `npm run bench -- [--only NAME]... [--quick] [--json]
npm run bench -- --minutes N [--json]
NAME: ${Object.keys(BENCHMARKS).join(", ")}
--quick: fewer turns
--json: the result as JSON on stdout, instead of a table
--minutes: nothing is compared; bottles come and go for N minutes, and nothing may grow
`

const note = (text) => process.stderr.write(text)

const { values } = parseArgs({
  options: {
    only: { type: "string", multiple: true, default: Object.keys(BENCHMARKS) },
    quick: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    minutes: { type: "string" },
    help: { type: "boolean", default: false },
  },
})
const unknown = values.only.filter((name) => !Object.hasOwn(BENCHMARKS, name))
const minutes = values.minutes === undefined ? undefined : Number(values.minutes)
const wrong =
  unknown.length > 0
    ? `no such benchmark: ${unknown.join(", ")}\n`
    : minutes !== undefined && !(minutes > 0)
      ? `--minutes is a number above 0, not "${values.minutes}"\n`
      : undefined
if (values.help || wrong !== undefined) {
  note(`${wrong ?? ""}${USAGE}`)
  process.exit(wrong === undefined ? 0 : 2)
}

let asked = false
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    asked = true
    note("\nending after this turn ...\n")
  })
}

const root = mkdtempSync(join(tmpdir(), "bb-bench-"))
let directories = 0
const context = {
  quick: values.quick,
  tell: note,
  stopIfAsked: () => {
    if (asked) throw new Error("interrupted")
  },
  /** A new one, short enough for the path of a socket. */
  directory: (name) => {
    const path = join(root, `${name}${(directories += 1)}`)
    mkdirSync(path, { mode: 0o700 })
    return path
  },
}

if (minutes !== undefined) {
  try {
    const { looks, table: shown, grown } = await soak(context, minutes)
    process.stdout.write(
      values.json ? `${JSON.stringify({ minutes, looks, grown }, null, 2)}\n` : `${shown}\n`,
    )
    note(grown.length === 0 ? "nothing grew\n" : `GREW: ${grown.join("; ")}\n`)
    process.exitCode = grown.length === 0 ? 0 : 1
  } catch (error) {
    note(`FAILED: ${error.message}\n`)
    process.exitCode = 1
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
  process.exit()
}

const busyBefore = await busyShare()
const rows = []
const skipped = []
const failed = []
try {
  const engine = engineAnswers()
  for (const name of values.only) {
    const { measure, needsEngine = false } = BENCHMARKS[name]
    if (needsEngine && !engine) {
      skipped.push(name)
      note(`${name}: SKIPPED, because no docker engine answers\n`)
      continue
    }
    note(`${name}: `)
    await measure(context).then(
      (measured) => rows.push(...measured),
      (error) => {
        failed.push(name)
        note(`FAILED: ${error.message}`)
      },
    )
    note("\n")
    if (asked) break
  }
} finally {
  rmSync(root, { recursive: true, force: true })
}

const busy = [busyBefore, await busyShare()]
const machine = { node: process.version, cores: cpus().length, platform: process.platform, busy }
const busyText = busy.map((share) => `${Math.round(share * 100)} %`).join(" before, ")
process.stdout.write(
  values.json
    ? `${JSON.stringify({ at: new Date().toISOString(), ...machine, quick: values.quick, skipped, failed, rows }, null, 2)}\n`
    : `${table(rows)}\nOther work kept the processors busy: ${busyText} after the measurements.\n`,
)
process.exit(failed.length > 0 ? 1 : 0)
