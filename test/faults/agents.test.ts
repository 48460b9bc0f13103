/** Agents that misbehave, in bottles on a real engine, as an operator meets them. */
import { spawn, spawnSync } from "node:child_process"
import { readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { makeCli, shellAgent } from "../support/cli.ts"
import { describeDocker, docker } from "../support/docker.ts"
import { processesWith } from "../support/faults.ts"
import { demoImageForTests } from "../support/images.ts"

const cli = makeCli()
const MIB = 1024 * 1024

/** Starts an agent of that script and answers how it ended. */
const run = async (name: string, script: string, bottle = "plain") => {
  cli.write(`agents/${name}.md`, shellAgent(script, bottle))
  const begun = Date.now()
  const ended = await cli.run(["start", name, "--headless", "--prompt", "x"])
  return { ...ended, seconds: (Date.now() - begun) / 1000, slug: slugIn(ended.stderr) }
}
const slugIn = (text: string): string => /^bottle (\S+)$/m.exec(text)?.[1] ?? "no-slug"
const list = async (slug: string): Promise<Record<string, unknown> | undefined> =>
  (JSON.parse((await cli.run(["list", "--json"])).stdout) as ReadonlyArray<Record<string, unknown>>).find(
    (row) => row["slug"] === slug,
  )

describeDocker("an agent that misbehaves", () => {
  beforeAll(async () => {
    const image = await demoImageForTests()
    cli.write("bottles/plain.yaml", `image: ${image}\n`)
    cli.write("bottles/tight.yaml", `image: ${image}\nlimits: { memory: 64m }\n`)
    cli.write("bottles/few.yaml", `image: ${image}\nlimits: { pids: 60, timeout: 20 seconds }\n`)
  })
  afterAll(async () => {
    const rows = JSON.parse((await cli.run(["list", "--json"])).stdout) as ReadonlyArray<{ slug: string }>
    await Promise.all(rows.map(({ slug }) => cli.run(["destroy", slug])))
    cli.remove()
  })

  it.concurrent("one that ignores SIGTERM is killed after ten seconds, and can be resumed", async () => {
    cli.write(
      "agents/deaf.md",
      shellAgent(`
      if [ "$BOT_BOTTLE_RUN" = 2 ]; then cat mark; exit; fi
      trap '' TERM; echo kept >mark; echo up; while :; do sleep 1; done`),
    )
    const running = cli.start(["start", "deaf", "--headless", "--prompt", "x"])
    await expect.poll(running.stdout).toContain("up")
    const slug = slugIn(running.stderr())
    expect((await cli.run(["stop", slug])).code).toBe(0)
    expect((await running.result).code).toBe(137)
    expect(await list(slug)).toMatchObject({ state: "exited", exit: { code: 137, signal: "SIGKILL" } })
    expect(await cli.run(["resume", slug, "--headless", "--prompt", "x"])).toMatchObject({
      code: 0,
      stdout: "kept\n",
    })
  })

  it.concurrent("one that leaves children ends when it ends, and they end with it", async () => {
    const { code, stdout, seconds } = await run(
      "parent",
      "sleep 271828 & (setsid sleep 271828 >/dev/null 2>&1 &) ; nohup sleep 271828 >/dev/null 2>&1 & echo done; exit 3",
    )
    expect([code, stdout]).toEqual([3, "done\n"])
    expect(seconds).toBeLessThan(60)
    expect(processesWith("sleep\u0000271828")).toEqual([])
  })

  it.concurrent("200 MB of output all arrive and are kept, in constant memory", async () => {
    const bytes = 200 * MIB
    cli.write("agents/loud.md", shellAgent(`head -c ${bytes} /dev/zero | tr '\\0' x`))
    const bin = new URL("../../dist/bin/bot-bottle.cjs", import.meta.url).pathname
    const child = spawn(process.execPath, [bin, "start", "loud", "--headless", "--prompt", "x"], {
      cwd: cli.cwd,
      env: { PATH: process.env["PATH"] ?? "", HOME: cli.cwd, BOT_BOTTLE_HOME: cli.home },
      stdio: ["ignore", "pipe", "pipe"],
    })
    let arrived = 0
    let stderr = ""
    let peak = 0
    child.stdout.on("data", (chunk: Buffer) => {
      arrived += chunk.length
      if (arrived > bytes / 2) peak ||= peakMemory(child.pid ?? 0)
      if (arrived > bytes - MIB) peak = Math.max(peak, peakMemory(child.pid ?? 0))
    })
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()))
    const code = await new Promise((resolve) => child.once("close", resolve))
    expect([code, arrived]).toEqual([0, bytes])
    expect(statSync(join(cli.home, "state", slugIn(stderr), "output-1.log")).size).toBe(bytes)
    expect(peak).toBeGreaterThan(20)
    expect(peak).toBeLessThan(300)
    expect((await cli.run(["destroy", slugIn(stderr)])).code).toBe(0)
  })

  it.concurrent("one that closes its output and goes on is waited for", async () => {
    const { code, stdout, stderr } = await run("mute", "echo last; exec >&- 2>&-; sleep 12; exit 5")
    expect([stderr, code, stdout]).toEqual([expect.stringMatching(/ended with 5/), 5, "last\n"])
  })

  it.concurrent("one that is out of memory ends with 137; the bottle is kept", async () => {
    const { code, slug } = await run("glutton", "echo kept >mark; exec tail /dev/zero", "tight")
    expect(code).toBe(137)
    expect(await list(slug)).toMatchObject({ state: "exited", exit: { code: 137 } })
    expect((await cli.run(["freeze", slug])).code).toBe(0)
  })

  it.concurrent("one that forks without end stays within its number of processes, and is ended by its timeout", async () => {
    const fork = "require('child_process').spawn('sleep', ['600']).on('error', () => {})"
    cli.write(
      "agents/rabbit.md",
      shellAgent(`exec node -e "setInterval(() => { for (let i = 0; i < 50; i++) ${fork} }, 100)"`, "few"),
    )
    const running = cli.start(["start", "rabbit", "--headless", "--prompt", "x"])
    await expect.poll(() => slugIn(running.stderr())).not.toBe("no-slug")
    const slug = slugIn(running.stderr())
    const most: Array<number> = []
    const timer = setInterval(() => {
      const id = docker("ps", "-q", "--no-trunc", "--filter", `label=bot-bottle.slug=${slug}`)
      const { stdout } = spawnSync("docker", ["top", id], { encoding: "utf8" })
      most.push(stdout.trim().split("\n").length - 1)
    }, 500)
    const { code } = await running.result
    clearInterval(timer)
    expect(code).toBe(124)
    expect(Math.max(...most)).toBeGreaterThan(30)
    expect(Math.max(...most)).toBeLessThanOrEqual(60)
    expect((await cli.run(["destroy", slug])).code).toBe(0)
    expect(docker("ps", "-aq", "--filter", `label=bot-bottle.slug=${slug}`)).toBe("")
  })
})

/** Most memory that a process has had, in MiB; 0 of one that has ended. */
const peakMemory = (pid: number): number => {
  try {
    return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024
  } catch {
    return 0
  }
}
