// Many bottles at once: memory that each of ours takes beside its container, and whether the last starts as fast as the first.
import { Effect, Fiber } from "effect"
import { execFileSync } from "node:child_process"
import { readFileSync, readdirSync } from "node:fs"
import { awaitExit, destroy, launch } from "../dist/index.js"
import { installation, PROMPT, withImage } from "./installation.mjs"
import { compare } from "./measure.mjs"
import { shareMiB, sidecarPid } from "./memory.mjs"

/** Memory of a bottle that is ours and not its agent's. */
const MIB_MAX = 42e6 / 1024 ** 2
/** How many of the first and of the last are looked at: one by itself says little. */
const SOME = 5

/** All processes of this machine, each with the one that started it. */
const processes = () =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const [, parent] = /^\d+ \(.*\) \S+ (\d+)/s.exec(readFileSync(`/proc/${name}/stat`, "utf8"))
        const words = readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0")
        return [{ pid: Number(name), parent: Number(parent), words }]
      } catch {
        return []
      }
    })

/** What runs for bottles: their sidecars, the clients of the engine that we started, and the forwarders in them. */
const shares = async (ours, slugs) => {
  const inits = new Set(
    execFileSync(
      "docker",
      [
        "inspect",
        "--format",
        "{{.State.Pid}}",
        ...execFileSync("docker", ["ps", "--quiet", "--filter", "label=bot-bottle.slug"], {
          encoding: "utf8",
        })
          .trim()
          .split("\n"),
      ],
      { encoding: "utf8" },
    )
      .trim()
      .split("\n")
      .map(Number),
  )
  const all = processes()
  const sum = (pids) => pids.reduce((total, pid) => total + shareMiB(pid), 0) / slugs.length
  const sidecars = []
  for (const slug of slugs) sidecars.push(await sidecarPid(ours.home.of(slug).controlSocket))
  return {
    sidecar: sum(sidecars),
    clients: sum(
      all
        .filter(({ parent, pid }) => parent === process.pid && !sidecars.includes(pid))
        .map(({ pid }) => pid),
    ),
    forwarder: sum(
      all
        .filter(
          ({ parent, words }) => inits.has(parent) && words.some((word) => word.includes("/forwarder.")),
        )
        .map(({ pid }) => pid),
    ),
  }
}

/** Fifty bottles, one started after the other, all at work and watched by us. */
export const many = (context) =>
  withImage(async (image) => {
    const count = context.quick ? 2 * SOME : 50
    const ours = installation(context, "many", image, { waiting: ["sleep", "3600"] })
    const slugs = []
    const times = []
    const watchers = []
    try {
      for (let n = 0; n < count; n += 1) {
        context.stopIfAsked()
        const start = performance.now()
        const slug = await ours.run(launch("waiting", { prompt: PROMPT }))
        times.push(performance.now() - start)
        slugs.push(slug)
        watchers.push(await ours.run(Effect.forkDaemon(Effect.ignore(awaitExit(slug)))))
        context.tell("+")
      }
      const { sidecar, clients, forwarder } = await shares(ours, slugs)
      const memory = (name, mib, aim) =>
        compare({ name, floorName: "42 MB", unit: "MiB", floor: [MIB_MAX], ours: [mib], aim })
      return [
        memory(`memory for each of ${count} bottles`, sidecar + clients + forwarder, 1),
        memory("  its sidecar", sidecar),
        memory("  the engine's client", clients),
        memory("  its forwarder", forwarder),
        compare({
          name: `launch of the last ${SOME} of ${count} bottles`,
          floorName: `the first ${SOME}`,
          unit: "ms",
          floor: times.slice(0, SOME),
          ours: times.slice(-SOME),
          aim: 1.5,
        }),
      ]
    } finally {
      await ours.run(Fiber.interruptAll(watchers))
      await ours.run(Effect.forEach(slugs, (slug) => destroy(slug), { concurrency: 4 }))
      await ours.dispose()
    }
  })
