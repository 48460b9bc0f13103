/** The CLI is killed at each of its steps: then `list` tells the truth, `resume` goes on, and `destroy` leaves nothing. */
import { afterAll, beforeAll, expect, it } from "vitest"
import { shellAgent } from "../support/cli.ts"
import { describeDocker } from "../support/docker.ts"
import type { FaultyCli, Step } from "../support/faults.ts"
import { bundleFaultyCli, makeFaultyCli, nameOf, nightly, untilEmpty } from "../support/faults.ts"
import { demoImageForTests } from "../support/images.ts"

const COMMANDS = ["start", "freeze", "resume", "destroy"] as const
type Command = (typeof COMMANDS)[number]

/** Each run adds its number to a file and shows it: what an earlier run left must be there in all later ones. */
const AGENT = shellAgent('echo "run $BOT_BOTTLE_RUN" >>runs; cat runs')
const START = ["start", "worker", "--headless", "--prompt", "x"]
const RESUME = ["--headless", "--prompt", "y"]

const homes: Array<FaultyCli> = []
let bin = ""
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

/** Each name once: where several commands have it, by the one that is soonest done with its test. */
const selection = (all: typeof steps): typeof steps => {
  const seen = new Set<string>()
  const once = (command: Command) =>
    all[command].filter((step) => {
      const name = nameOf(step)
      return seen.has(name) ? false : seen.add(name)
    })
  const [destroy, start, freeze, resume] = [once("destroy"), once("start"), once("freeze"), once("resume")]
  return { start, freeze, resume, destroy }
}

/** The state that `list` tells, once the engine has the same: a program that a killed command had begun may go on for a while. */
const truth = async (cli: FaultyCli, slug: string, destroying = false): Promise<string> => {
  for (let attempt = 0; ; attempt += 1) {
    const said = String((await cli.list()).find((row) => row["slug"] === slug)?.["state"] ?? "gone")
    const { containers, images } = cli.engine(slug)
    const expected: Readonly<Record<string, boolean>> = {
      gone: containers.length === 0 && images.length === 0,
      created: /^(created)?$/.test(containers.join()),
      frozen: containers.length === 0 && (images.length > 0 || destroying),
    }
    if (expected[said] ?? containers.join() === said) return said
    expect({ slug, said, containers, images, attempt }).toMatchObject({
      attempt: expect.toSatisfy((n) => n < 10),
    })
  }
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
          await cli.ok("destroy", slug)
        }
      }
      expect(await cli.list()).toEqual([])
      await nothingIsLeft(cli)
    },
  )

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
          killed.push(`${step} -> ${await truth(cli, slug)}`)
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
    const slug = await started(cli)
    await resumed(cli, slug)
    for (const step of steps.destroy) {
      await cli.kill(step, ["destroy", slug])
      if (!/ProcessRunner|RunDirectory|Sidecar.forget|BottleStore.remove/.test(nameOf(step))) continue
      const state = await truth(cli, slug, true)
      expect([step, state]).toEqual([step, expect.stringMatching(/^(exited|frozen|gone)$/)])
      if (state !== "frozen" || cli.engine(slug).images.length > 0) continue
      const { stderr } = await cli.run(["resume", slug, ...RESUME])
      expect([step, stderr]).toEqual([step, expect.stringMatching(/artifact is gone.*: destroy the bottle/)])
    }
    await cli.ok("destroy", slug)
    expect(await cli.list()).toEqual([])
    await nothingIsLeft(cli)
  })
})
