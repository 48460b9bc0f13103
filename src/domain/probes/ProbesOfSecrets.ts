/** Probes of secrets: everything that could hold a secret is output, and searched outside for the secrets of this run. */
import type { Outside, Probe, Verdict } from "./Probe.ts"
import type { Step } from "../probeMachine/ProbeMachine.ts"
import { readFile, shownBy } from "../probeMachine/ProbeSteps.ts"

const shows = (name: string, steps: ReadonlyArray<Step>): Probe => ({
  class: "secrets",
  name: `secrets in ${name}`,
  expected: "none",
  steps,
  judge: (outcomes, { holdsSecret }) => {
    const shown = shownBy(outcomes)
    if (holdsSecret(shown)) return FOUND
    return shown.length === 0 && !OPTIONAL.has(name) ? UNREAD : NONE
  },
})

const FOUND: Verdict = { ok: false, seen: "there is one" }
const UNREAD: Verdict = { ok: false, seen: "it could not be read" }
const NONE: Verdict = { ok: true, seen: "none" }

const foundOutside = (name: string, judge: (outside: Outside) => Verdict): Probe => ({
  class: "secrets",
  name: `secrets in ${name}`,
  expected: "none",
  steps: [],
  judge: (_, outside) => judge(outside),
})

/** A bottle has few processes when it starts. */
const PROCESSES = Array.from({ length: 24 }, (_, at) => at + 1)

const PLACES: Readonly<Record<string, ReadonlyArray<Step>>> = {
  "the environment": readFile("/proc/self/environ", 4),
  "the environment of the bottle's init": readFile("/proc/1/environ", 4),
  "the environment of other processes": PROCESSES.flatMap((pid) => readFile(`/proc/${pid}/environ`, 2)),
  "arguments of processes": PROCESSES.flatMap((pid) => readFile(`/proc/${pid}/cmdline`, 2)),
  "the run's environment file": readFile("/run/bottle/env", 2),
  "the run's arguments": readFile("/run/bottle/argv"),
  "the run's prompt": readFile("/run/bottle/prompt"),
  "what the neck says of itself": readFile("/run/bottle/loopback"),
  "the list of mounts": readFile("/proc/self/mountinfo", 12),
}

/** May not exist, or may belong to another user. */
const OPTIONAL = new Set([
  "the environment of the bottle's init",
  "the environment of other processes",
  "what the neck says of itself",
])

/** Places that could contain a secret of the run. */
export const secretProbes = (): ReadonlyArray<Probe> => [
  ...Object.entries(PLACES).map(([name, steps]) => shows(name, steps)),
  foundOutside("all that the bottle was answered", ({ leaked }) => (leaked.output ? FOUND : NONE)),
  foundOutside("files of the bottle", ({ leaked }) =>
    leaked.files === undefined ? UNREAD : leaked.files ? FOUND : NONE,
  ),
]
