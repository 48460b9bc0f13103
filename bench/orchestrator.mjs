// The service of the orchestrator over a simulated Gitea, when nothing happens.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { serve, start } from "./children.mjs"
import { BIN } from "./commands.mjs"
import { TOKEN } from "./fixtures.mjs"
import { compare } from "./measure.mjs"
import { busyMs, residentMiB } from "./memory.mjs"

const HOOK_SECRET = "bench hook secret"
const SECOND = 1000

/** One row whose floor is a fixed amount. */
const within = (name, unit, most, ours) =>
  compare({ name, floorName: `${most} ${unit}`, unit, floor: ours.map(() => most), ours, aim: 1 })

/** `use` of the API of a forge in a process of its own. */
const withForge = async (context, [repositories, issues], use) => {
  const file = join(context.directory("forge"), "port")
  const forge = await serve("gitea.mjs", [file, repositories, issues].map(String))
  try {
    return await use(`http://127.0.0.1:${readFileSync(file, "utf8")}/api/v1`)
  } finally {
    await forge.stop()
  }
}

/** A service of the command line over a forge where nothing happens. */
export const idle = (context) =>
  withForge(context, [1, 10], async (apiUrl) => {
    const home = context.directory("idle")
    mkdirSync(home, { recursive: true })
    writeFileSync(join(home, "token"), TOKEN, { mode: 0o600 })
    writeFileSync(join(home, "hook"), HOOK_SECRET, { mode: 0o600 })
    writeFileSync(
      join(home, "orchestrator.yaml"),
      JSON.stringify({
        forge: { api: apiUrl, token: { file: join(home, "token") } },
        repositories: { "acme/*": {} },
        listen: "127.0.0.1:0",
        webhook: { secret: { file: join(home, "hook") } },
      }),
    )
    const env = { PATH: process.env.PATH, HOME: home, BOT_BOTTLE_HOME: home }
    const server = await start(BIN, ["orchestrate", "serve", "--json"], { env })
    const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * SECOND))
    try {
      await pause(context.quick ? 5 : 15)
      const seconds = context.quick ? 20 : 60
      const before = busyMs(server.pid)
      await pause(seconds)
      return [
        within("idle service: memory", "MB", 120, [(residentMiB(server.pid) * 1024 ** 2) / 1e6]),
        within("idle service: share of a core", "%", 0.5, [
          ((busyMs(server.pid) - before) / (seconds * SECOND)) * 100,
        ]),
      ]
    } finally {
      await server.stop()
    }
  })
