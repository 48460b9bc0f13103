// Fifty launches at once against fifty `docker run`, and the processor time of one launch by part.
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { awaitExit, destroy, launch, startHeadless, stop } from "../dist/index.js"
import { drain, run } from "./children.mjs"
import { BIN } from "./commands.mjs"
import { installation, PROMPT, slugIn, withImage } from "./installation.mjs"
import { compare, takeTurns } from "./measure.mjs"
import { busyMs, sidecarPid } from "./memory.mjs"

const OPTIONS = { prompt: PROMPT }

/** So many at once; milliseconds until each of them has written something. */
const atOnce = async (count, one) => {
  const start = performance.now()
  const ends = await Promise.all(Array.from({ length: count }, () => one(start)))
  return Math.max(...ends)
}

/** Many launches at once. */
export const burst = (context) =>
  withImage(async (image) => {
    const count = context.quick ? 10 : 50
    const ours = installation(context, "burst", image)
    const slugs = []
    const removed = async () => {
      await ours.run(Effect.forEach(slugs.splice(0), (slug) => destroy(slug), { concurrency: 4 }))
    }
    const byDocker = async (start) => {
      const began = performance.now() - start
      return began + (await run("docker", ["run", "--rm", image, "echo", "here"])).first
    }
    const byLibrary = async (start) => {
      let first = NaN
      const observe = (event) =>
        Effect.sync(() => {
          if (event._tag === "Output" && Number.isNaN(first)) first = performance.now() - start
        })
      slugs.push(await ours.run(startHeadless("echo", { ...OPTIONS, observe })))
      return first
    }
    const byCommand = async (start) => {
      const began = performance.now() - start
      const args = [BIN, "start", "echo", "--headless", "--prompt", PROMPT]
      const { first, stderr } = await run(process.execPath, args, { env: ours.env })
      slugs.push(slugIn(stderr))
      return began + first
    }
    const then = (one) => async () => {
      const all = await atOnce(count, one)
      await removed()
      return all
    }
    try {
      const samples = await takeTurns(
        { docker: then(byDocker), library: then(byLibrary), command: then(byCommand) },
        { context, rounds: context.quick ? 1 : 3, warmups: 1 },
      )
      const row = (name, measured, aim) =>
        compare({
          name,
          floorName: `${count} docker run`,
          unit: "ms",
          floor: samples.docker,
          ours: measured,
          aim,
        })
      return [
        row(`${count} startHeadless at once, to the last first output`, samples.library, 1.8),
        row(`${count} bot-bottle start at once, to the last first output`, samples.command, 3),
        ...(await parts(context, image)),
      ]
    } finally {
      await removed()
      await ours.dispose()
    }
  })

/** Processor time of the children of this process that have ended, in milliseconds. */
const childrenMs = () => {
  const fields = readFileSync("/proc/self/stat", "utf8").split(") ").at(-1).split(" ")
  return (Number(fields[13]) + Number(fields[14])) * 10
}

/** The processor time of one launch: who takes it until the agent runs. */
const parts = async (context, image) => {
  const ours = installation(context, "parts", image, { waiting: ["sh", "-c", "echo here; exec sleep 3600"] })
  const own = async () => {
    const [before, clients] = [process.cpuUsage(), childrenMs()]
    const slug = await ours.run(launch("waiting", OPTIONS))
    const { user, system } = process.cpuUsage(before)
    const sidecar = busyMs(await sidecarPid(ours.home.of(slug).controlSocket))
    const spent = { ours: (user + system) / 1000, clients: childrenMs() - clients, sidecar }
    const forwarder = forwarderMs(slug)
    await ours.run(
      Effect.zipRight(stop(slug), Effect.zipRight(Effect.ignore(awaitExit(slug)), destroy(slug))),
    )
    return { ...spent, forwarder }
  }
  const command = async () => {
    const args = [BIN, "start", "waiting", "--headless", "--prompt", PROMPT, "--dry-run"]
    const before = childrenMs()
    await drain(process.execPath, args, { env: ours.env })
    return childrenMs() - before
  }
  const node = async () => {
    const before = childrenMs()
    await run(process.execPath, ["-e", "console.log(0)"])
    return childrenMs() - before
  }
  try {
    const samples = await takeTurns(
      { node, own, command },
      { context, rounds: context.quick ? 5 : 20, warmups: 2 },
    )
    const part = (name, measured) =>
      compare({ name, floorName: "node -e 0", unit: "ms", floor: samples.node, ours: measured })
    return [
      part(
        "processor time of a launch: its sidecar",
        samples.own.map(({ sidecar }) => sidecar),
      ),
      part(
        "  the engine's clients",
        samples.own.map(({ clients }) => clients),
      ),
      part(
        "  its forwarder",
        samples.own.map(({ forwarder }) => forwarder),
      ),
      part(
        "  the library",
        samples.own.map((each) => each.ours),
      ),
      part("  the command, which checks and shows its plan", samples.command),
    ]
  } finally {
    await ours.dispose()
  }
}

/** Processor time of the forwarder in a bottle. */
const forwarderMs = (slug) => {
  const [container] = execFileSync("docker", ["ps", "--quiet", "--filter", `label=bot-bottle.slug=${slug}`], {
    encoding: "utf8",
  }).split("\n")
  const line = execFileSync("docker", ["top", container, "-o", "pid,args"], { encoding: "utf8" })
    .split("\n")
    .find((text) => text.includes("/forwarder."))
  return busyMs(Number(line.trim().split(" ")[0]))
}
