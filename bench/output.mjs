// Much output of an agent through the command line, against the docker command: time, and memory.
import { execFileSync } from "node:child_process"
import { destroy } from "../dist/index.js"
import { drain } from "./children.mjs"
import { BIN } from "./commands.mjs"
import { installation, PROMPT, slugIn, withImage } from "./installation.mjs"
import { compare, takeTurns } from "./measure.mjs"

const PIECE = 100 * 640

/** Writes so many pieces of 640 lines, as fast as they are taken. */
const writer = (pieces) => [
  "node",
  "-e",
  `const piece = ("x".repeat(99) + "\\n").repeat(640)
let left = ${pieces}
const go = () => { while (left-- > 0) if (!process.stdout.write(piece)) return process.stdout.once("drain", go) }
go()`,
]

/** The output of an agent that writes 200 MB, and as little as another one. */
export const output = (context) =>
  withImage(async (image) => {
    const bytes = context.quick ? 19.2e6 : 200e6
    const much = writer(bytes / PIECE)
    const ours = installation(context, "output", image, { much, little: writer(1) })
    const container = `bot-bottle-bench-output-${process.pid}`
    const start = async (agent, expected) => {
      const ended = await drain(process.execPath, [BIN, "start", agent, "--headless", "--prompt", PROMPT], {
        env: ours.env,
      })
      const slug = slugIn(ended.stderr)
      const again = await drain(process.execPath, [BIN, "logs", slug], { env: ours.env })
      await ours.run(destroy(slug))
      if (ended.bytes !== expected || again.bytes !== expected) throw new Error("output was lost")
      return { start: ended, logs: again }
    }
    const docker = async () => {
      const ran = await drain("docker", ["run", "--name", container, image, ...much])
      const logs = await drain("docker", ["logs", container])
      execFileSync("docker", ["rm", container], { stdio: "ignore" })
      return { start: ran, logs }
    }
    try {
      const samples = await takeTurns(
        { docker, much: () => start("much", bytes), little: () => start("little", PIECE) },
        { context, rounds: context.quick ? 2 : 3, warmups: 0 },
      )
      const size = `${bytes / 1e6} MB`
      const row = (name, floorName, unit, floor, ours, aim) =>
        compare({ name: `${size} of output: ${name}`, floorName, unit, floor, ours, aim })
      const times = (who, what) => samples[who].map((sample) => sample[what].all)
      const peaks = (who, what) => samples[who].map((sample) => sample[what].peak)
      return [
        row("bot-bottle start", "docker run", "ms", times("docker", "start"), times("much", "start"), 1.5),
        row("bot-bottle logs", "docker logs", "ms", times("docker", "logs"), times("much", "logs"), 1.5),
        row(
          "peak memory of start",
          "64 KB of output",
          "MiB",
          peaks("little", "start"),
          peaks("much", "start"),
        ),
        row("peak memory of logs", "64 KB of output", "MiB", peaks("little", "logs"), peaks("much", "logs")),
      ]
    } finally {
      execFileSync("docker", ["rm", "--force", container], { stdio: "ignore" })
      await ours.dispose()
    }
  })
