// Bottles on a docker engine against the docker command itself.
import { Effect, Layer, Logger, ManagedRuntime } from "effect"
import { execFileSync, spawnSync } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { destroy, freeze, startHeadless } from "../dist/index.js"
import * as BotBottle from "../dist/exports/BotBottle.js"
import * as Home from "../dist/exports/Home.js"
import * as NodeProcessRunner from "../dist/exports/NodeProcessRunner.js"
import { ensureDemoImage, removeDemoImage } from "../dist/layers/docker/demoImage.js"
import { run } from "./children.mjs"
import { BIN } from "./commands.mjs"
import { compare, takeTurns, timed } from "./measure.mjs"

/** Whether an engine answers. */
export const engineAnswers = () =>
  spawnSync("docker", ["version", "--format", "{{.Server.Version}}"], { timeout: 20_000 }).status === 0

/** `use` of an image that is made of this machine's programs, and goes unless it was there before. */
export const withImage = async (use) => {
  const docker = (program) => Effect.runPromise(Effect.provide(program, NodeProcessRunner.layer))
  const before = new Set(images())
  const image = await docker(ensureDemoImage)
  try {
    return await use(image)
  } finally {
    if (!before.has(image)) await docker(removeDemoImage(image))
  }
}

const images = () =>
  execFileSync("docker", ["images", "--format", "{{.Repository}}:{{.Tag}}"], { encoding: "utf8" }).split("\n")

/** A home with one agent, whose work is one `echo`, and the live layers over it. */
const installation = (context, name, image) => {
  const home = Home.homeAt(context.directory(name))
  mkdirSync(home.agents, { recursive: true })
  mkdirSync(home.bottles, { recursive: true })
  writeFileSync(
    `${home.agents}/echo.md`,
    '---\nprovider: command\nbottle: bare\ncommand: ["echo", "here"]\n---\n',
  )
  writeFileSync(`${home.bottles}/bare.yaml`, `image: ${image}\nbackend: docker\n`)
  const layer = BotBottle.layer.pipe(
    Layer.provide(Layer.succeed(Home.Home, home)),
    Layer.merge(Logger.replace(Logger.defaultLogger, Logger.withConsoleError(Logger.logfmtLogger))),
  )
  const runtime = ManagedRuntime.make(layer)
  return { home, run: (program) => runtime.runPromise(program), dispose: () => runtime.dispose() }
}

const OPTIONS = { prompt: "Say that you are here." }

/** The first output and the whole run, by library and by command line, against `docker run --rm`. */
export const launch = (context) =>
  withImage(async (image) => {
    const ours = installation(context, "launch", image)
    try {
      const byLibrary = async () => {
        const start = performance.now()
        let first = NaN
        const observe = (event) =>
          Effect.sync(() => {
            if (event._tag === "Output" && Number.isNaN(first)) first = performance.now() - start
          })
        await ours.run(
          Effect.flatMap(startHeadless("echo", { ...OPTIONS, observe }), (slug) => destroy(slug)),
        )
        return { first, all: performance.now() - start }
      }
      const env = { PATH: process.env.PATH, HOME: ours.home.root, BOT_BOTTLE_HOME: ours.home.root }
      const byCommand = async () => {
        const args = [BIN, "start", "echo", "--headless", "--prompt", OPTIONS.prompt]
        const ended = await run(process.execPath, args, { env })
        await ours.run(destroy(/^bottle (\S+)$/m.exec(ended.stderr)[1]))
        return ended
      }
      const samples = await takeTurns(
        {
          docker: () => run("docker", ["run", "--rm", image, "echo", "here"]),
          library: byLibrary,
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
        row("startHeadless to first output", "all", firsts("library"), 1.1),
        row("bot-bottle start to first output", "all", firsts("command"), 1.8),
        row(
          "startHeadless + destroy",
          "all",
          samples.library.map(({ all }) => all),
          2,
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
      return [compare({ name: "freeze", floorName: "docker commit", unit: "ms", floor, ours: frozen })]
    } finally {
      await ours.dispose()
    }
  })
