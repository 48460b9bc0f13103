/** The CLI is killed at each of its steps: then `list` tells the truth, `resume` goes on, `gc` takes what is garbage and no more, and `destroy` leaves nothing. */
import { afterAll, beforeAll, expect, it } from "vitest"
import { shellAgent } from "../support/cli.ts"
import { describeDocker, docker } from "../support/docker.ts"
import type { FaultyCli, Step } from "../support/faults.ts"
import { nightly } from "../support/nightly.ts"
import {
  bundleFaultyCli,
  faketime,
  makeFaultyCli,
  nameOf,
  sidecarsOf,
  untilEmpty,
} from "../support/faults.ts"
import { demoImageForTests } from "../support/images.ts"

const COMMANDS = ["start", "freeze", "resume", "destroy"] as const
type Command = (typeof COMMANDS)[number]

/** Each run adds its number to a file and shows it: what an earlier run left must be there in all later ones. */
const AGENT = shellAgent('echo "run $BOT_BOTTLE_RUN" >>runs; cat runs')
const START = ["start", "worker", "--headless", "--prompt", "x"]
const RESUME = ["--headless", "--prompt", "y"]

const homes: Array<FaultyCli> = []
let bin = ""
let pin = ""
let steps: Readonly<Record<Command, ReadonlyArray<Step>>>

const home = async (): Promise<FaultyCli> => {
  const cli = makeFaultyCli(bin)
  homes.push(cli)
  cli.write("agents/worker.md", AGENT)
  cli.write("bottles/plain.yaml", `image: ${await demoImageForTests()}\n`)
  return cli
}
const slugIn = (text: string): string => /^bottle (\S+)$/m.exec(text)?.[1] ?? "no-slug"
const started = async (cli: FaultyCli): Promise<string> => slugIn((await cli.ok(...START)).stderr)

/**
 * Each step of a service once: where several commands have it, by the one that is soonest done with its test. What a
 * program does between two of them changes nothing outside.
 */
const selection = (all: typeof steps): typeof steps => {
  const seen = new Set<string>()
  const once = (command: Command) =>
    all[command].filter((step) => {
      const name = nameOf(step)
      return seen.has(name) || !name.includes(".") ? false : seen.add(name)
    })
  const [destroy, start, freeze, resume] = [once("destroy"), once("start"), once("freeze"), once("resume")]
  return { start, freeze, resume, destroy }
}

/** The state that `list` tells, once the engine has the same: a program that a killed command had begun may go on for a while. */
const truth = async (cli: FaultyCli, slug: string): Promise<string> => {
  for (let attempt = 0; ; attempt += 1) {
    const said = String((await cli.list()).find((row) => row["slug"] === slug)?.["state"] ?? "gone")
    const { containers, images, volumes } = cli.engine(slug)
    expect(volumes).toEqual([])
    const expected: Readonly<Record<string, boolean>> = {
      gone: containers.length === 0 && images.length === 0,
      created: /^(created)?$/.test(containers.join()),
      frozen: containers.length === 0 && images.length > 0,
      destroying: true,
    }
    if (expected[said] ?? containers.join() === said) return said
    expect({ slug, said, containers, images, attempt }).toMatchObject({
      attempt: expect.toSatisfy((n) => n < 10),
    })
  }
}

/** `gc` takes a bottle whose launch or destroy died half-way, as it is told to be garbage, and leaves any other as it is; answers whether it took it. */
const collected = async (cli: FaultyCli, slug: string, state: string): Promise<boolean> => {
  if (faketime === undefined || state === "gone") return state === "gone"
  if (state !== "created" && state !== "destroying") {
    expect([state, await cli.gc()]).toEqual([state, expect.not.arrayContaining([slug])])
    if (state !== "running") expect([state, sidecarsOf(cli, slug)]).toEqual([state, []])
    return false
  }
  if (nightly) expect(await cli.gc("--dry-run")).toContain(slug)
  // A program that the killed command had begun may have made something after it.
  for (let attempt = 1; attempt <= 10; attempt += 1) {
    await cli.gc()
    if (Object.values(cli.engine(slug)).flat().length === 0) break
  }
  expect([state, await truth(cli, slug)]).toEqual([state, "gone"])
  return true
}

/** Goes on with a bottle until a run has ended well; answers the runs that its files tell of. */
const resumed = async (cli: FaultyCli, slug: string): Promise<ReadonlyArray<number>> => {
  for (let attempt = 0; ; attempt += 1) {
    const { code, stdout, stderr } = await cli.run(["resume", slug, ...RESUME])
    if (code === 0) return [...stdout.matchAll(/^run (\d+)$/gm)].map(([, run]) => Number(run))
    expect([stderr, attempt]).toEqual([expect.stringMatching(/is running/), expect.toSatisfy((n) => n < 20)])
  }
}

const nothingIsLeft = async (cli: FaultyCli) => expect(await untilEmpty(cli.remains)).toEqual([])

describeDocker("a CLI that is killed at any step", () => {
  beforeAll(async () => {
    bin = await bundleFaultyCli()
    // Another test may end with the image's removal, which an engine refuses while a container is made of it.
    pin = docker("create", await demoImageForTests(), "true")
    const cli = await home()
    const start = await cli.record(START)
    const slug = slugIn(start.stderr)
    const freeze = await cli.record(["freeze", slug])
    const resume = await cli.record(["resume", slug, ...RESUME])
    const destroy = await cli.record(["destroy", slug])
    const all = { start: start.steps, freeze: freeze.steps, resume: resume.steps, destroy: destroy.steps }
    steps = nightly ? all : selection(all)
    for (const command of COMMANDS) {
      const lines = all[command].map((step) => `  ${steps[command].includes(step) ? "kill" : "    "} ${step}`)
      process.stdout.write(
        `steps of ${command} (${steps[command].length} of ${lines.length}):\n${lines.join("\n")}\n`,
      )
    }
  })
  afterAll(async () => {
    docker("rm", pin)
    for (const cli of homes) {
      for (const { slug } of await cli.list()) await cli.run(["destroy", String(slug)])
      cli.remove()
    }
  })

  it.concurrent(
    "start: what it had made is told, and goes on or goes away",
    { timeout: 3_600_000 },
    async () => {
      const cli = await home()
      for (const [index, step] of steps.start.entries()) {
        const { stderr } = await cli.kill(step, START)
        const told = slugIn(stderr)
        // Until the slug is told there is at most a row, and while manifests are looked up there is nothing.
        if (told === "no-slug" && !step.includes("performStart")) continue
        const slugs = told === "no-slug" ? (await cli.list()).map((row) => String(row["slug"])) : [told]
        for (const slug of slugs) {
          const state = await truth(cli, slug)
          if (index % 6 === 0) expect([step, state, (await resumed(cli, slug))[0]]).toEqual([step, state, 1])
          if (!(await collected(cli, slug, index % 6 === 0 ? "exited" : state))) await cli.ok("destroy", slug)
        }
      }
      expect(await cli.list()).toEqual([])
      await nothingIsLeft(cli)
    },
  )

  it.concurrent("start, as its sidecar is launched, and destroyed at once: no sidecar comes after", async () => {
    const cli = await home()
    const launching = steps.start.find((step) =>
      step.endsWith("SidecarProcess.start > ProcessRunner.detached"),
    )
    for (const round of nightly ? Array.from({ length: 20 }).keys() : [0, 1, 2]) {
      const { killed, stderr } = await cli.kill(launching ?? "none", START)
      expect([round, killed, (await cli.ok("destroy", slugIn(stderr))).code]).toEqual([round, true, 0])
    }
    await nothingIsLeft(cli)
  })

  it.concurrent(
    "freeze and resume: no run is lost and none is done twice",
    { timeout: 3_600_000 },
    async () => {
      const cli = await home()
      const slug = await started(cli)
      let known: ReadonlyArray<number> = [1]
      for (let round = 0; round < Math.max(steps.freeze.length, steps.resume.length); round += 1) {
        const killed: Array<string> = []
        for (const command of ["freeze", "resume"] as const) {
          const step = steps[command][round]
          if (step === undefined) continue
          await cli.kill(step, [command, slug, ...(command === "resume" ? RESUME : [])])
          const state = await truth(cli, slug)
          killed.push(`${step} -> ${state}`)
          // A row that was never frozen and has only a container made for it is a launch that died.
          if (state !== "created" || round > 1)
            await collected(cli, slug, state === "created" ? "exited" : state)
        }
        if (round % 2 === 1) {
          await cli.ok("freeze", slug)
          const besides = () =>
            cli.remains().filter((what) => !/^(file state\/|image .*\.run-\d+$)/.test(what))
          expect(await untilEmpty(besides)).toEqual([])
          expect(cli.engine(slug).images).toHaveLength(1)
        }
        const runs = await resumed(cli, slug)
        expect([killed, runs]).toEqual([killed, [...new Set(runs)].sort((a, b) => a - b)])
        expect([killed, runs.slice(0, known.length)]).toEqual([killed, known])
        expect([killed, cli.engine(slug).containers]).toEqual([killed, ["exited"]])
        known = runs
      }
      await cli.ok("freeze", slug)
      expect(cli.engine(slug)).toMatchObject({
        containers: [],
        images: [expect.stringMatching(/:.*\.run-\d+$/)],
      })
      await cli.ok("destroy", slug)
      await nothingIsLeft(cli)
    },
  )

  it.concurrent("destroy: the next one finishes it", { timeout: 3_600_000 }, async () => {
    const cli = await home()
    let slug = "no-slug"
    const begun = async () => {
      slug = await started(cli)
      await resumed(cli, slug)
    }
    await begun()
    for (const [index, step] of steps.destroy.entries()) {
      await cli.kill(step, ["destroy", slug])
      if (!/ProcessRunner|RunDirectory|RunDirectories.forget|BottleStore/.test(nameOf(step))) continue
      const state = await truth(cli, slug)
      const isBegun = step.includes("destroyBottle > removeAll") || step.endsWith("BottleStore.remove")
      expect([step, state]).toEqual([
        step,
        expect.stringMatching(isBegun ? /^(destroying|gone)$/ : /^(exited|destroying)$/),
      ])
      if (state === "destroying") {
        const refused = nightly || index % 3 === 0
        for (const args of refused
          ? [
              ["resume", slug, ...RESUME],
              ["freeze", slug],
              ["cp", `${slug}:runs`, "-"],
            ]
          : []) {
          const { code, stderr } = await cli.run(args)
          expect([step, args, code, stderr]).toEqual([
            step,
            args,
            expect.toSatisfy((n) => n > 0),
            expect.stringContaining(`"bot-bottle destroy ${slug}" finishes it`),
          ])
        }
        if (refused) await collected(cli, slug, state)
      }
      if (!(await cli.list()).some((row) => row["slug"] === slug)) {
        await nothingIsLeft(cli)
        await begun()
      }
    }
    await cli.ok("destroy", slug)
    expect(await cli.list()).toEqual([])
    await nothingIsLeft(cli)
  })
})
