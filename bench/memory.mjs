// How much memory and processor time processes take.
import { readFileSync } from "node:fs"
import { request } from "node:http"
import { cpus } from "node:os"
import { setTimeout as sleep } from "node:timers/promises"

/** What lies in memory for a process. */
export const residentMiB = (pid) => field(`/proc/${pid}/status`, "VmRSS")

/** The most that a process had in memory at once; none of one that has ended. */
export const peakMiB = (pid) => field(`/proc/${pid}/status`, "VmHWM")

/** The same without what other processes have in memory too: of that it counts its share. */
export const shareMiB = (pid) => field(`/proc/${pid}/smaps_rollup`, "Pss")

/** Milliseconds for which a process kept a processor busy. */
export const busyMs = (pid) => {
  const [, ...fields] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")
  const [user, system] = fields.join(") ").split(" ").slice(11, 13)
  return (Number(user) + Number(system)) * TICK_MS
}

/** The share of the processors' time that this machine is busy while we wait for a second. */
export const busyShare = async () => {
  const before = times()
  await sleep(1000)
  const after = times()
  return (after.busy - before.busy) / (after.all - before.all)
}

const times = () => {
  const sums = cpus().map(({ times: { user, nice, sys, irq, idle } }) => ({
    busy: user + nice + sys + irq,
    idle,
  }))
  const busy = sums.reduce((sum, cpu) => sum + cpu.busy, 0)
  return { busy, all: sums.reduce((sum, cpu) => sum + cpu.idle, busy) }
}

/** Linux counts in hundredths of a second. */
const TICK_MS = 10

const field = (file, name) =>
  Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(readFileSync(file, "utf8"))?.[1]) / 1024

/** The process of a sidecar, as it says itself. */
export const sidecarPid = (controlSocket) =>
  new Promise((resolve, reject) => {
    request({ socketPath: controlSocket, path: "/status", agent: false }, (response) => {
      let text = ""
      response.on("data", (chunk) => (text += chunk))
      response.on("end", () => resolve(JSON.parse(text).pid))
    })
      .on("error", reject)
      .end()
  })
