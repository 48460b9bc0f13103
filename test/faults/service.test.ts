/** `orchestrate serve` over a real engine is killed at steps of an issue's life: each run happens once, one agent works at a time, and nothing is left. */
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { afterAll, beforeAll, expect, it, vi } from "vitest"
import { shellAgent } from "../support/cli.ts"
import { describeDocker } from "../support/docker.ts"
import { bundleFaultyCli, killAt, makeFaultyCli, type Step, untilEmpty } from "../support/faults.ts"
import { demoImageForTests } from "../support/images.ts"
import { nightly } from "../support/nightly.ts"
import { door, makeServed } from "../support/served.ts"
import { freePort } from "../support/freePort.ts"

type Point = readonly [title: string, step: RegExp]
/** Where a service is killed: at the first step of its life that is one of these. */
const POINTS: ReadonlyArray<Point> = [
  ["the container is created", /createContainer > ProcessRunner\.run$/],
  ["the agent is started", /performStart .*socketTransport\.start$/],
  ["the image is made", /makeArtifact .*freezeBottle > ProcessRunner\.run$/],
  ["the agent is started again", /performResume .*socketTransport\.start$/],
]
/** The same, nightly. */
const MORE_POINTS: ReadonlyArray<Point> = [
  ["the first decision is stored", /IssueStates\.commit$/],
  ["a slug is minted", /BottleStore\.mint$/],
  ["the sidecar is launched", /SidecarProcess\.start > ProcessRunner\.(detached|feed)$/],
  ["the launch is reported", /Operations\.finish$/],
  ["the frozen container is removed", /removeContainers > ProcessRunner\.run$/],
  ["the engine destroys it", /Backend\.destroy .*ProcessRunner\.run$/],
  ["its row is removed", /BottleStore\.remove$/],
]

/** Each run adds its number to a file of the bottle and shows it. */
const AGENT = shellAgent(
  'echo "run $BOT_BOTTLE_RUN" >>runs; cat runs; sleep 1; forge signal-done success mended',
)
/** What failed by a kill is tried again after a minute. The command line is not asked more often, because it takes much of a processor. */
const far = { timeout: 300_000, interval: 2000 }

/** What the engine says of boxes as it happens: which run of which bottle began or ended. */
const engineRecord = () => {
  const field = (name: string) => `{{index .Actor.Attributes "bot-bottle.${name}"}}`
  const format = `${field("installation")} ${field("slug")} {{.Action}} ${field("run")}`
  const filters = ["type=container", "event=start", "event=die"].flatMap((filter) => ["--filter", filter])
  const child = spawn("docker", ["events", ...filters, "--format", format])
  const lines: Array<string> = []
  createInterface(child.stdout).on("line", (line) => void lines.push(line))
  return {
    of: (installation: string) =>
      lines.flatMap((line) => (line.startsWith(installation) ? [line.slice(installation.length + 1)] : [])),
    end: () => void child.kill("SIGTERM"),
  }
}

let bin = ""
let record: ReturnType<typeof engineRecord>
let steps: ReadonlyArray<Step> = []

/** One life, from the label to the removal of its bottle. Services have the faults until one was killed; another follows it. */
const live = async (faults: Readonly<Record<string, string>>) => {
  const cli = makeFaultyCli(bin)
  const port = await freePort()
  const served = await makeServed(
    { listen: `127.0.0.1:${port}`, sweep: "3 seconds" },
    { cli, agent: AGENT, bottle: `image: ${await demoImageForTests()}\n` },
  )
  served.hook(`http://127.0.0.1:${port}/webhook`)
  const codes: Array<number | null> = []
  /** Serves, again after a death, until what is to come has come. */
  const serving = async <A>(env: Readonly<Record<string, string>>, until: () => Promise<A>): Promise<A> => {
    let isOver = false
    const start = () =>
      cli.start(["orchestrate", "serve"], { env: { ...env, ...(codes.includes(137) ? {} : faults) } })
    let service = start()
    const supervised = (async () => {
      for (;;) {
        codes.push((await service.result).code)
        if (isOver) return
        service = start()
      }
    })()
    return until()
      .catch((error: unknown) => {
        throw new Error(`services ended with ${codes.join()}; the last one said:\n${service.stderr()}`, {
          cause: error,
        })
      })
      .finally(async () => {
        isOver = true
        service.child.kill("SIGTERM")
        await supervised
      })
  }
  const installation = () => readFileSync(join(cli.home, "installation"), "utf8").slice(0, 36)
  const frozenAfter = async (run: number) => {
    await vi.waitFor(
      () => expect(record.of(installation())).toContainEqual(expect.stringMatching(` die ${run}$`)),
      far,
    )
    return vi.waitFor(async () => {
      const rows = await cli.list()
      expect(rows).toMatchObject([{ state: "frozen", run }])
      return String(rows[0]?.["slug"])
    }, far)
  }
  const slug = await serving({}, async () => {
    await served.target()
    await frozenAfter(1)
    await Effect.runPromise(served.ada.comment(door, "And the hinge?"))
    return frozenAfter(2)
  })
  const { stdout: output } = await cli.ok("logs", slug)
  await serving({ BOT_BOTTLE_ORCHESTRATOR_FROZEN_EXPIRE: "1 second" }, () =>
    vi.waitFor(async () => expect(await cli.list()).toEqual([]), far),
  )
  const remains = await untilEmpty(() => cli.remains().filter((what) => what !== "file orchestrator.yaml"))
  const runs = record.of(installation()).map((line) => line.replace(slug, "it"))
  await served.stop()
  return { codes, output, remains, runs }
}

const WHOLE = {
  output: "run 1\nrun 2\ndone\n",
  runs: ["it start 1", "it die 1", "it start 2", "it die 2"],
  remains: [],
}

describeDocker("a service over a real engine", () => {
  beforeAll(async () => {
    bin = await bundleFaultyCli()
    record = engineRecord()
    const file = join(process.cwd(), "test/.bundles", `steps-${process.pid}`)
    writeFileSync(file, "")
    expect(await live({ FAULT_STEPS: file })).toEqual({ ...WHOLE, codes: [0, 0] })
    steps = readFileSync(file, "utf8").trim().split("\n")
  })
  afterAll(() => record.end())

  it.concurrent.each([...POINTS, ...(nightly ? MORE_POINTS : [])])(
    "is killed as %s: each run happens once",
    { timeout: 900_000 },
    async (_, point) => {
      const step = steps.find((name) => point.test(name)) ?? `none of ${point}`
      const life = await live(killAt(step))
      expect({ step, ...life }).toMatchObject({ step, ...WHOLE })
      expect(life.codes.toSorted()).toEqual([0, 0, 137])
    },
  )
})
