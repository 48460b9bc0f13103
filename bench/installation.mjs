// A docker engine, an image of this machine's programs, and installations of ours for one benchmark.
import { Effect, Layer, Logger, ManagedRuntime } from "effect"
import { execFileSync, spawnSync } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import * as BotBottle from "../dist/exports/BotBottle.js"
import * as Home from "../dist/exports/Home.js"
import * as NodeProcessRunner from "../dist/exports/NodeProcessRunner.js"
import { ensureDemoImage, removeDemoImage } from "../dist/layers/docker/demoImage.js"

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

/** A home whose agents run these commands, by name, and the live layers over it. */
export const installation = (context, name, image, agents = { echo: ["echo", "here"] }) => {
  const home = Home.homeAt(context.directory(name))
  mkdirSync(home.agents, { recursive: true })
  mkdirSync(home.bottles, { recursive: true })
  for (const [agent, command] of Object.entries(agents)) {
    const front = `provider: command\nbottle: bare\ncommand: ${JSON.stringify(command)}`
    writeFileSync(`${home.agents}/${agent}.md`, `---\n${front}\n---\n`)
  }
  writeFileSync(`${home.bottles}/bare.yaml`, `image: ${image}\nbackend: docker\n`)
  const layer = BotBottle.layer.pipe(
    Layer.provide(Layer.succeed(Home.Home, home)),
    Layer.merge(Logger.replace(Logger.defaultLogger, Logger.withConsoleError(Logger.logfmtLogger))),
  )
  const runtime = ManagedRuntime.make(layer)
  return {
    home,
    /** For the command line. */
    env: { PATH: process.env.PATH, HOME: home.root, BOT_BOTTLE_HOME: home.root },
    run: (program) => runtime.runPromise(program),
    dispose: () => runtime.dispose(),
  }
}

/** What every headless run here is asked. */
export const PROMPT = "Say that you are here."

/** The slug that a command line has told. */
export const slugIn = (stderr) => /^bottle (\S+)$/m.exec(stderr)[1]
