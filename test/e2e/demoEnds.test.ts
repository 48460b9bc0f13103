/** The demo when it is ended: by a closed pipe, by signals, and by a kill, after which the next demo cleans up. */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { makeCli } from "../support/cli.ts"
import { describeDocker, docker } from "../support/docker.ts"
import { processesWith } from "../support/faults.ts"

const cli = makeCli()
let place: string
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), "bb-ends-"))
})
afterEach(() => rmSync(place, { recursive: true, force: true }))

/** Where these demos have their folders: each thing of theirs has that path, or the name of the folder. */
const left = () => ({
  files: readdirSync(place),
  sockets: readFileSync("/proc/net/unix", "utf8")
    .split("\n")
    .filter((line) => line.includes(place)),
  processes: processesWith(place),
})
const nothing = { files: [], sockets: [], processes: [] }

const HOST = { DOCKER_HOST: "unix:///nonexistent" }
const LAUNCHED = /launched bottle ([^ ,]+),/
/** Starts a demo; returns it once its first agent is at work, with the folder's name and the first bottle. */
const begun = async (env: Readonly<Record<string, string>>) => {
  const demo = cli.start(["demo"], { env: { TMPDIR: place, ...env } })
  await expect.poll(demo.stdout).toMatch(LAUNCHED)
  const [name = ""] = readdirSync(place)
  return { ...demo, name, slug: LAUNCHED.exec(demo.stdout())?.[1] }
}
const endedByPipe = async (env: Readonly<Record<string, string>>) => {
  const demo = await begun(env)
  demo.child.stdout?.destroy()
  expect((await demo.result).code).toBe(141)
  expect(demo.stderr()).not.toMatch(/EPIPE|\n {4}at /)
  return demo
}

describe("the demo without an engine", () => {
  it("leaves nothing when its reader has gone", async () => {
    await endedByPipe(HOST)
    expect(left()).toEqual(nothing)
  })

  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "leaves nothing when it is ended by %s",
    async (signal) => {
      const { child, result } = await begun(HOST)
      child.kill(signal)
      expect((await result).code).toBe(130)
      expect(left()).toEqual(nothing)
    },
  )

  it("takes away what one left that was killed, and not what one has that runs", async () => {
    const killed = await begun(HOST)
    killed.child.kill("SIGKILL")
    await killed.result
    expect(left().files).toEqual([killed.name])
    const next = await begun(HOST)
    expect(next.stderr()).toContain(`removing what a killed demo left: ${join(place, killed.name)}`)
    expect(readdirSync(place)).not.toContain(killed.name)
    expect(processesWith(killed.name)).toEqual([])
    const beside = await begun(HOST)
    expect(beside.stderr()).not.toContain("removing")
    beside.child.kill("SIGTERM")
    await beside.result
    next.child.kill("SIGTERM")
    await next.result
    expect(left()).toEqual(nothing)
  })
})

describeDocker("the demo on a real engine", () => {
  const onEngine = (name: string, slug: string | undefined) => [
    docker("ps", "--all", "--quiet", "--filter", `name=${slug}`),
    docker("image", "ls", "--quiet", `bot-bottle/demo:${name}`),
  ]

  it("leaves no container, image, process or file when its reader has gone, nor, after the next, when it was killed", async () => {
    const { name, slug } = await endedByPipe({})
    expect(left()).toEqual(nothing)
    expect(onEngine(name, slug)).toEqual(["", ""])

    const killed = await begun({})
    killed.child.kill("SIGKILL")
    await killed.result
    expect(onEngine(killed.name, killed.slug)).not.toContain("")
    const next = await endedByPipe({})
    expect(next.stderr()).toContain("removing what a killed demo left")
    expect(onEngine(killed.name, killed.slug)).toEqual(["", ""])
    expect(left()).toEqual(nothing)
  })
})
