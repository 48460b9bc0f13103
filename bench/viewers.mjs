// Operators who look at a service: how long its pages take, and its memory, with many bottles at work and a week of runs behind it.
import { readFileSync } from "node:fs"
import { Agent, get } from "node:http"
import { join } from "node:path"
import { serve } from "./children.mjs"
import { quantile } from "./measure.mjs"
import { residentMiB } from "./memory.mjs"
import { withForge, within } from "./orchestrator.mjs"

const TOKEN = "bench-token-of-an-operator-0123456789"
const VIEWERS = 50
const RUNS = 10_000

/** What the pages of the dashboard ask for. */
const PATHS = [
  "/status",
  "/issues?limit=50",
  "/issues/acme/tool1/7",
  "/issues/acme/tool1/7/runs?limit=200",
  "/issues/acme/tool1/7/timeline?limit=100",
  "/bottles",
  "/usage?by=day",
]
/** What reads most of the past. */
const OLD = [
  "/issues?all=true&text=comment&limit=200",
  "/issues/acme/tool1/7/timeline?limit=200",
  "/issues/acme/tool1/7/runs?limit=200",
  "/usage?by=day&limit=200",
  "/usage?by=issue&limit=200",
]

const headers = { authorization: `Bearer ${TOKEN}` }

/** Milliseconds until an answer has come whole. */
const ask = (url, agent) =>
  new Promise((resolve, reject) => {
    const begun = performance.now()
    get(url, { agent, headers }, (response) => {
      response.resume()
      response.once("end", () =>
        response.statusCode === 200
          ? resolve(performance.now() - begun)
          : reject(new Error(`${url}: ${response.statusCode}`)),
      )
    }).once("error", reject)
  })

/** A stream that is read until it is closed. */
const follow = (url) => {
  const request = get(url, { agent: false, headers }, (response) => response.resume())
  request.on("error", () => undefined)
  return () => request.destroy()
}

/** Each viewer follows the events and asks for a page each second. */
const view = async (base, seconds) => {
  const streams = Array.from({ length: VIEWERS }, () => follow(`${base}/events`))
  const agent = new Agent({ keepAlive: true })
  const times = []
  const viewer = async (n) => {
    await new Promise((resolve) => setTimeout(resolve, (n * 1000) / VIEWERS))
    for (let turn = 0; turn < seconds; turn += 1) {
      const begun = performance.now()
      times.push(await ask(`${base}${PATHS[(n + turn) % PATHS.length]}`, agent))
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, begun + 1000 - performance.now())))
    }
  }
  await Promise.all(Array.from({ length: VIEWERS }, (_, n) => viewer(n)))
  for (const close of streams) close()
  agent.destroy()
  return quantile(times, 0.99)
}

export const viewers = (context) => {
  const bottles = context.quick ? 50 : 200
  return withForge(context, [1, bottles, "targeted"], async (apiUrl) => {
    const directory = context.directory("viewers")
    const file = join(directory, "address")
    const args = [directory, apiUrl, bottles, file, RUNS, TOKEN].map(String)
    const server = await serve("viewed.mjs", args)
    const base = `http://${readFileSync(file, "utf8")}`
    try {
      await view(base, 2)
      const p99 = []
      const memory = []
      const old = []
      for (let round = 0; round < (context.quick ? 1 : 3); round += 1) {
        p99.push(await view(base, context.quick ? 5 : 15))
        memory.push((residentMiB(server.pid) * 1024 ** 2) / 1e6)
        const agent = new Agent({ keepAlive: true })
        for (const path of OLD) old.push(await ask(`${base}${path}`, agent))
        agent.destroy()
        context.tell("+")
      }
      return [
        within(`${VIEWERS} viewers of ${bottles} bottles: p99 of a page`, "ms", 100, p99),
        within("  memory of the service", "MB", 250, memory),
        within(`a page of ${RUNS} runs, the slowest`, "ms", 200, [Math.max(...old)]),
      ]
    } finally {
      await server.stop()
    }
  })
}
