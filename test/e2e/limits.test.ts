/** Limits of output and of the operation log through the CLI: what is cut, kept and told, on each backend. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { CHAIN_START, sealLine } from "../../src/sidecar/record/OperationChain.ts"
import { makeCli, shellAgent } from "../support/cli.ts"
import { describeDocker } from "../support/docker.ts"
import { demoImageForTests } from "../support/images.ts"

const slugIn = (stderr: string): string => /^bottle (\S+)$/m.exec(stderr)?.[1] ?? "no-slug"
const MOST = 20_000

/** Writes 2 MB on each stream, then says in a file that it could, and ends with a code of its own. */
const LOUD = `i=0; while [ $i -lt 2000 ]; do printf '%01000d' 0; printf '%01000d' 1 >&2; i=$((i+1)); done; sleep 2; exit 7`

/** A bottle whose run has ended. */
const ranQuietly = async (cli: ReturnType<typeof makeCli>) => {
  cli.write("bottles/plain.yaml", "{}\n")
  cli.write("agents/quiet.md", shellAgent("true"))
  return slugIn(
    (await cli.run(["start", "quiet", "--headless", "--backend", "host", "--prompt", "x"])).stderr,
  )
}

const cutsOutput = async (cli: ReturnType<typeof makeCli>, backend: string, wait: ReadonlyArray<string>) => {
  cli.write("agents/loud.md", shellAgent(LOUD))
  const run = await cli.run([
    "start",
    "loud",
    "--headless",
    "--backend",
    backend,
    "--prompt",
    "Speak",
    ...wait,
  ])
  const slug = slugIn(run.stderr)
  const line = `[bot-bottle: the output was cut at ${MOST} bytes (limits.outputBytes); the agent continues]`
  expect(run.code).toBe(7)
  expect(run.stderr.split("reached its limit outputBytes (20000)").length).toBe(2)
  expect((run.stdout + run.stderr).split(line).length).toBe(2)
  const kept = readFileSync(join(cli.home, "state", slug, "output-1.log"), "utf8")
  expect(kept.endsWith(`\n${line}\n`)).toBe(true)
  expect(kept.length).toBe(MOST + line.length + 2)
  const logs = await cli.run(["logs", slug])
  expect(logs.stdout.includes(line)).toBe(true)
  return slug
}

describe("the limit of output", () => {
  const cli = makeCli()
  afterAll(() => cli.remove())

  it("cuts what a bottle on the host writes, in its files too, while the agent goes on to its end", async () => {
    cli.write("bottles/plain.yaml", `limits: { outputBytes: ${MOST} }\n`)
    const slug = await cutsOutput(cli, "host", [])
    for (const name of ["stdout", "stderr"]) {
      const file = join(cli.home, "state", slug, "host", "control", name)
      expect(statSync(file).size).toBeLessThanOrEqual(MOST + 1)
    }
    expect((await cli.run(["destroy", slug])).code).toBe(0)
  })
})

describeDocker("the limit of output on an engine", () => {
  const cli = makeCli()
  afterAll(() => cli.remove())

  it("cuts what a container writes, read live and from the engine's log, while the agent goes on to its end", async () => {
    cli.write("bottles/plain.yaml", `image: ${await demoImageForTests()}\nlimits: { outputBytes: ${MOST} }\n`)
    const slug = await cutsOutput(cli, "docker", [])
    expect((await cli.run(["destroy", slug])).code).toBe(0)
  })
})

describe("an output of many megabytes", () => {
  const cli = makeCli()
  afterAll(() => cli.remove())
  const MIB = 1024 ** 2
  const SIZE = 160

  it("is shown in little memory, and whole", async () => {
    const slug = await ranQuietly(cli)
    const file = join(cli.home, "state", slug, "output-1.log")
    writeFileSync(file, "")
    for (let n = 0; n < SIZE; n++) appendFileSync(file, Buffer.alloc(MIB, 97 + (n % 26)))
    const { child, result } = cli.start(["logs", slug])
    let peak = 0
    child.stdout?.on("data", () => {
      const status = existsSync(`/proc/${child.pid}/status`)
        ? readFileSync(`/proc/${child.pid}/status`, "utf8")
        : ""
      peak = Math.max(peak, Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024)
    })
    const { code, stdout } = await result
    expect([code, stdout.length]).toEqual([0, SIZE * MIB])
    // A command of ours has some 100 MB; the output is held in neither.
    expect(peak).toBeGreaterThan(0)
    expect(peak).toBeLessThan(SIZE + 60)
  })
})

describe("an operation log of many megabytes", () => {
  const cli = makeCli()
  afterAll(() => cli.remove())
  const LINES = 150_000

  it("is verified in little memory, and a changed line in it is found", async () => {
    const slug = await ranQuietly(cli)
    const log = join(cli.home, "state", slug, "operations.jsonl")
    mkdirSync(dirname(log), { recursive: true })
    const before = (() => {
      const lines = readFileSync(log, "utf8")
        .split("\n")
        .filter((line) => line !== "")
      const last = lines.at(-1)
      return { count: lines.length, prev: last === undefined ? CHAIN_START : String(JSON.parse(last).hash) }
    })()
    let prev = before.prev
    let text = ""
    for (let n = 1; n <= LINES; n++) {
      const entry = {
        op: "read_issue",
        target: "#17",
        outcome: "ok" as const,
        durationMs: 1,
        detail: "x".repeat(400),
      }
      const sealed = sealLine(entry, { seq: before.count + n, at: "2026-01-01T00:00:00.000Z", prev })
      prev = sealed.hash
      text += `${sealed.line}\n`
      if (n % 10_000 === 0) {
        appendFileSync(log, text)
        text = ""
      }
    }
    expect(statSync(log).size).toBeGreaterThan(90 * 1024 ** 2)
    // All lines at once would take twice as much as this.
    const env = { NODE_OPTIONS: "--max-old-space-size=64" }
    const whole = await cli.run(["provenance", "verify", slug, "--json"], { env })
    // Their chain is right, and nobody signed them.
    const unsigned = { line: 0, problem: `no statement covers the last ${LINES} lines` }
    const found = { lines: before.count + LINES, head: prev, problems: [unsigned] }
    expect(JSON.parse(whole.stdout)).toMatchObject(found)
    appendFileSync(log, "{}\n".repeat(1000))
    const broken = await cli.run(["provenance", "verify", slug, "--json"], { env })
    expect(broken.code).not.toBe(0)
    expect(JSON.parse(broken.stdout || broken.stderr).problems[0]).toEqual({
      line: before.count + LINES + 1,
      problem: "is not a line of an operation log",
    })
  })

  it("is verified in little memory when it is full of writes that never ended", async () => {
    const slug = await ranQuietly(cli)
    const log = join(cli.home, "state", slug, "operations.jsonl")
    // More than fit into a set of numbers. None has its hash, of which a hundred are named.
    const BEGINS = 1_100_000
    writeFileSync(log, "")
    for (let seq = 1; seq <= BEGINS; seq += 10_000) {
      const lines = Array.from(
        { length: 10_000 },
        (_, n) => `{"seq":${seq + n},"prev":"","phase":"begin","hash":""}\n`,
      )
      appendFileSync(log, lines.join(""))
    }
    appendFileSync(log, `{"seq":${BEGINS + 1},"prev":"","phase":"end","begin":1,"hash":""}\n`)
    const env = { NODE_OPTIONS: "--max-old-space-size=64" }
    const { stdout, stderr } = await cli.run(["provenance", "verify", slug, "--json"], { env })
    expect(JSON.parse(stdout || stderr)).toMatchObject({ ok: false, lines: BEGINS + 1 })
  })
})
