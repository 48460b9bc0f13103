// Bottles on a docker engine against the docker command itself.
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { destroy, freeze, resumeHeadless, Sidecar, startHeadless } from "../dist/index.js"
import { run } from "./children.mjs"
import { BIN } from "./commands.mjs"
import { installation, PROMPT, slugIn, withImage } from "./installation.mjs"
import { compare, takeTurns, timed } from "./measure.mjs"

const OPTIONS = { prompt: PROMPT }
/** Until a prepared process waits for its document. */
const PREPARED_MS = 1000

/** Runs a program that tells what happens; milliseconds until its first output, and its result. */
const untilOutput = async (ours, program) => {
  const start = performance.now()
  let first = NaN
  const observe = (event) =>
    Effect.sync(() => {
      if (event._tag === "Output" && Number.isNaN(first)) first = performance.now() - start
    })
  const result = await ours.run(program({ ...OPTIONS, observe }))
  return { first, result, start }
}

/** The first output and the whole run, by library and by command line, against `docker run --rm`. */
export const launch = (context) =>
  withImage(async (image) => {
    const ours = installation(context, "launch", image)
    try {
      const byLibrary = async () => {
        const { first, start } = await untilOutput(ours, (options) =>
          Effect.flatMap(startHeadless("echo", options), (slug) => destroy(slug)),
        )
        return { first, all: performance.now() - start }
      }
      /** As a service does, which waits for the next issue. */
      const prepared = async () => {
        await ours.run(Effect.flatMap(Sidecar, ({ prepare }) => prepare))
        await new Promise((resolve) => setTimeout(resolve, PREPARED_MS))
        return byLibrary()
      }
      const byCommand = async () => {
        const args = [BIN, "start", "echo", "--headless", "--prompt", PROMPT]
        const ended = await run(process.execPath, args, { env: ours.env })
        await ours.run(destroy(slugIn(ended.stderr)))
        return ended
      }
      const samples = await takeTurns(
        {
          docker: () => run("docker", ["run", "--rm", image, "echo", "here"]),
          library: byLibrary,
          prepared,
          command: byCommand,
        },
        { context, rounds: context.quick ? 4 : 15, warmups: context.quick ? 1 : 2 },
      )
      const row = (name, floorPick, ours, aim) =>
        compare({
          name,
          floorName: floorPick === "all" ? "docker run --rm" : "its first output",
          unit: "ms",
          floor: samples.docker.map((sample) => sample[floorPick]),
          ours,
          aim,
        })
      const firsts = (by) => samples[by].map(({ first }) => first)
      return [
        row("startHeadless to first output", "all", firsts("library"), 1),
        row("  with its sidecar's process prepared", "all", firsts("prepared"), 1),
        row("bot-bottle start to first output", "all", firsts("command"), 1.45),
        row(
          "startHeadless + destroy",
          "all",
          samples.library.map(({ all }) => all),
          1.5,
        ),
        row(
          "  with its sidecar's process prepared",
          "all",
          samples.prepared.map(({ all }) => all),
          1.5,
        ),
        row("startHeadless to first output", "first", firsts("library")),
        row("bot-bottle start to first output", "first", firsts("command")),
      ]
    } finally {
      await ours.dispose()
    }
  })

/** A freeze against a commit of a container that ended in the same way. */
export const freezing = (context) =>
  withImage(async (image) => {
    const ours = installation(context, "freezing", image)
    const committed = `bot-bottle-bench/commit:${process.pid}`
    const onEnded = async (measure) => {
      const slug = await ours.run(startHeadless("echo", OPTIONS))
      try {
        return await measure(slug)
      } finally {
        await ours.run(destroy(slug))
      }
    }
    const commit = async (slug) => {
      const container = execFileSync("docker", ["ps", "-aq", "--filter", `label=bot-bottle.slug=${slug}`], {
        encoding: "utf8",
      }).trim()
      const { all } = await run("docker", ["commit", container, committed])
      await run("docker", ["image", "rm", committed])
      return all
    }
    try {
      const { floor, frozen } = await takeTurns(
        {
          floor: () => onEnded(commit),
          frozen: () => onEnded((slug) => timed(() => ours.run(freeze(slug)))),
        },
        { context, rounds: context.quick ? 4 : 10, warmups: 1 },
      )
      return [
        compare({ name: "freeze", floorName: "docker commit", unit: "ms", floor, ours: frozen, aim: 2 }),
      ]
    } finally {
      await ours.dispose()
    }
  })

/** A frozen bottle's start against the first start of one. */
export const resuming = (context) =>
  withImage(async (image) => {
    const ours = installation(context, "resuming", image)
    const started = async (measure) => {
      const { first, result: slug } = await untilOutput(ours, (options) => startHeadless("echo", options))
      try {
        return await measure(slug, first)
      } finally {
        await ours.run(destroy(slug))
      }
    }
    const resume = async (slug) => {
      await ours.run(freeze(slug))
      return (await untilOutput(ours, (options) => resumeHeadless(slug, options))).first
    }
    try {
      const { both } = await takeTurns(
        { both: () => started(async (slug, first) => ({ floor: first, resumed: await resume(slug) })) },
        { context, rounds: context.quick ? 4 : 15, warmups: 1 },
      )
      return [
        compare({
          name: "resume to first output",
          floorName: "startHeadless",
          unit: "ms",
          floor: both.map(({ floor }) => floor),
          ours: both.map(({ resumed }) => resumed),
          aim: 1,
        }),
      ]
    } finally {
      await ours.dispose()
    }
  })
