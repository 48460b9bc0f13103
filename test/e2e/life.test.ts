/** The main job, as an operator runs it: the bundled bin, a real engine, a sidecar process, SQLite on disk, a forge over HTTP. */
import { execFileSync } from "node:child_process"
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { makeCli, shellAgent } from "../support/cli.ts"
import { describeDocker } from "../support/docker.ts"
import { startForge, TOKEN } from "../support/forge.ts"
import { demoImageForTests } from "../support/images.ts"

const cli = makeCli()
let forge: Awaited<ReturnType<typeof startForge>>

const docker = (...args: ReadonlyArray<string>): string => execFileSync("docker", args, { encoding: "utf8" })
const slugIn = (stderr: string): string => /^bottle (\S+)$/m.exec(stderr)?.[1] ?? "no-slug"
const list = async (): Promise<ReadonlyArray<Record<string, unknown>>> =>
  JSON.parse((await cli.run(["list", "--json"])).stdout)
const boxes = (slug: string): string =>
  docker("ps", "-a", "--format", "{{.Names}}", "--filter", `name=${slug}`).trim()
const images = (slug: string): string =>
  docker("images", "--format", "{{.Repository}}:{{.Tag}}")
    .split("\n")
    .filter((name) => name.includes(slug))
    .join()

/** Every process of this machine whose command line or environment has the text. */
const processesWith = (text: string): ReadonlyArray<string> =>
  readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return false
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(text)
    } catch {
      return false
    }
  })

describeDocker("a bottle on a real engine", () => {
  beforeAll(async () => {
    forge = await startForge()
    cli.write("bottles/plain.yaml", `image: ${await demoImageForTests()}\n`)
  })
  afterAll(async () => {
    for (const { slug } of await list()) await cli.run(["destroy", String(slug)])
    cli.remove()
    await forge.stop()
  })

  it("reads its issue, comments, signals done; is frozen, resumed and destroyed, and leaves nothing", async () => {
    cli.write(
      "agents/worker.md",
      shellAgent(`
        if [ "$BOT_BOTTLE_RUN" = 1 ]; then
          forge read-issue 17 && echo kept >file && printf 'From run 1' | forge post-comment 17 && forge signal-done success "looked"
        else
          cat file && tail -n 1 "$BOT_BOTTLE_PROMPT_FILE" && echo && printf 'From run 2' | forge post-comment 17
        fi`),
    )
    const first = await cli.run(["orchestrate", "start", "--agent", "worker", "--prompt", "Look into it"], {
      env: forge.env,
    })
    expect(first.stderr).toMatch(/^bottle worker-/m)
    expect(first.stdout).toContain("It does not close.")
    expect(first.code).toBe(0)
    const slug = slugIn(first.stderr)
    expect(forge.comments(17).map((comment) => comment.body)).toEqual(["From run 1"])
    expect((await list())[0]).toMatchObject({
      slug,
      state: "exited",
      exit: { code: 0 },
      done: { status: "success", summary: "looked" },
    })

    const again = await cli.run(["orchestrate", "start", "--agent", "worker", "--prompt", "Again"], {
      env: forge.env,
    })
    expect(again.stderr).toMatch(/is handled by bottle/)
    expect(again.code).toBe(125)

    expect((await cli.run(["freeze", slug])).code).toBe(0)
    expect((await cli.run(["freeze", slug])).code).toBe(0)
    expect(boxes(slug)).toBe("")
    expect(processesWith(slug)).toEqual([])
    expect((await list())[0]).toMatchObject({ state: "frozen" })

    const second = await cli.run(["orchestrate", "resume", "--slug", slug, "--prompt", "Go on now"], {
      env: forge.env,
    })
    expect(second.stderr + second.stdout).toContain("kept\nGo on now\n")
    expect(forge.comments(17).map((comment) => comment.body)).toEqual(["From run 1", "From run 2"])
    const status = JSON.parse((await cli.run(["orchestrate", "status", "--json"], { env: forge.env })).stdout)
    expect(status).toMatchObject([
      { slug, status: "running", issueUrl: expect.stringMatching(/\/ada\/cellar\/issues\/17$/) },
    ])
    expect((await cli.run(["logs", slug, "--run", "1"])).stdout).toContain("It does not close.")
    expect((await cli.run(["provenance", "verify", slug])).stdout).toMatch(/^ok: /)

    expect((await cli.run(["destroy", slug])).code).toBe(0)
    expect([boxes(slug), images(slug), await list(), readdirSync(join(cli.home, "run"))]).toEqual([
      "",
      "",
      [],
      [],
    ])
    expect(existsSync(join(cli.home, "state", slug))).toBe(false)
    expect(JSON.parse((await cli.run(["orchestrate", "status", "--json", "--all"])).stdout)).toMatchObject([
      { status: "destroyed" },
    ])
  })

  it("holds none of the run's secrets, inside or outside", async () => {
    // The prompt holds the token backwards: the agent searches every file for it, and must find the one it plants.
    cli.write(
      "agents/worker.md",
      shellAgent(`
        forge read-issue 17 >/dev/null
        env; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline /proc/self/mountinfo 2>/dev/null | tr '\\0' '\\n'
        tail -n 1 "$BOT_BOTTLE_PROMPT_FILE" | rev >/tmp/planted
        grep -rlF -f /tmp/planted /bin /etc /home /lib /opt /root /run /tmp /usr /var /workspace 2>/dev/null
        printf 'search%s\\n' ed; exec sleep 30`),
    )
    const backwards = [...TOKEN].toReversed().join("")
    const running = cli.start(
      ["orchestrate", "start", "--agent", "worker", "--prompt", `Look\n${backwards}`],
      { env: forge.env },
    )
    await expect.poll(running.stdout).toContain("searched")
    const slug = slugIn(running.stderr())
    expect(running.stdout()).not.toContain(TOKEN)
    expect(running.stdout()).toContain(`BOT_BOTTLE_SLUG=${slug}`)
    expect(running.stdout()).toMatch(/^\/tmp\/planted\nsearched$/m)
    const [box] = boxes(slug).split("\n")
    expect(docker("inspect", box ?? "")).not.toContain(TOKEN)
    expect(
      docker("history", "--no-trunc", docker("inspect", "-f", "{{.Image}}", box ?? "").trim()),
    ).not.toContain(TOKEN)
    expect(processesWith(TOKEN)).toEqual([])
    for (const file of readdirSync(cli.home, { recursive: true, encoding: "utf8" })) {
      if (file.endsWith(".sock")) continue
      const path = join(cli.home, file)
      const content = readFileIfFile(path)
      expect([path, content.includes(TOKEN)]).toEqual([path, false])
    }
    expect((await cli.run(["destroy", slug])).code).toBe(0)
    const ended = await running.result
    expect(ended.code).toBeGreaterThan(128)
    expect(ended.stderr).not.toContain(TOKEN)
  })

  it("is stopped by Ctrl-C and kept; resume goes on", async () => {
    cli.write(
      "agents/sleeper.md",
      shellAgent(
        `if [ "$BOT_BOTTLE_RUN" = 1 ]; then echo mark >m; echo asleep; exec sleep 60; else cat m; fi`,
      ),
    )
    const running = cli.start(["start", "sleeper", "--headless", "--prompt", "x"])
    await expect.poll(running.stdout).toContain("asleep")
    running.child.kill("SIGINT")
    const { code, stderr } = await running.result
    expect(code).toBe(130)
    const slug = slugIn(stderr)
    expect((await list()).find((bottle) => bottle["slug"] === slug)).toMatchObject({ state: "exited" })
    const resumed = await cli.run(["resume", slug, "--headless", "--prompt", "y"])
    expect([resumed.stdout, resumed.code]).toEqual(["mark\n", 0])
  })

  it("outlives a CLI that was killed: list tells the truth, a second command waits its turn, destroy removes all", async () => {
    cli.write("agents/sleeper.md", shellAgent("echo asleep; exec sleep 60"))
    const running = cli.start(["start", "sleeper", "--headless", "--prompt", "x"])
    await expect.poll(running.stdout).toContain("asleep")
    running.child.kill("SIGKILL")
    await running.result
    const slug = slugIn(running.stderr())
    expect((await list()).find((bottle) => bottle["slug"] === slug)).toMatchObject({ state: "running" })
    expect((await cli.run(["resume", slug, "--headless", "--prompt", "x"])).stderr).toMatch(/is running/)
    const both = await Promise.all([cli.run(["freeze", slug]), cli.run(["stop", slug])])
    expect(both.map((result) => result.code).filter((code) => code !== 0).length).toBeLessThanOrEqual(1)
    expect((await cli.run(["destroy", slug])).code).toBe(0)
    expect([boxes(slug), images(slug), processesWith(slug)]).toEqual(["", "", []])
  })

  it("answers the agent's own exit code, and 128+n for a signal", async () => {
    const codes: Array<number> = []
    for (const script of ["exit 3", "exec /nonexistent", "exec /etc/passwd", "kill -9 $$"]) {
      cli.write("agents/ending.md", shellAgent(script))
      codes.push((await cli.run(["start", "ending", "--headless", "--prompt", "x"])).code)
    }
    expect(codes).toEqual([3, 127, 126, 137])
  })

  it("an agent that the image does not have ends with 127, one that is not executable with 126", async () => {
    const codes: Array<number> = []
    for (const command of ["/nonexistent", "/etc/passwd"]) {
      cli.write("agents/missing.md", `---\nprovider: command\nbottle: plain\ncommand: [${command}]\n---\n`)
      codes.push((await cli.run(["start", "missing", "--headless", "--prompt", "x"])).code)
    }
    expect(codes).toEqual([127, 126])
  })

  it("takes the files of a git working tree along, and no others", async () => {
    const git = (...args: ReadonlyArray<string>) => execFileSync("git", ["-C", cli.cwd, ...args])
    git("init", "-q")
    execFileSync(
      "sh",
      [
        "-c",
        "printf a >tracked; printf b >untracked; printf c >ignored; echo ignored >.gitignore; printf x >run.sh; chmod +x run.sh; ln -s tracked link",
      ],
      { cwd: cli.cwd },
    )
    git("add", "tracked", ".gitignore", "run.sh", "link")
    cli.write(
      "agents/looker.md",
      shellAgent("ls -A; cat link untracked; test -x run.sh; touch new && stat -c %u . tracked"),
    )
    const dry = await cli.run(["start", "looker", "--headless", "--prompt", "x", "--copy-cwd", "--dry-run"])
    expect(dry.stdout).toMatch(/untracked +untracked/)
    const result = await cli.run(["start", "looker", "--headless", "--prompt", "x", "--copy-cwd"])
    expect(result.stdout).toBe(
      ".git\n.gitignore\nlink\nrun.sh\ntracked\nuntracked\nab1000\n1000\n".replace(".git\n", ""),
    )
  })

  it("a limit of time ends the run with 124, and says so", async () => {
    cli.write("bottles/brief.yaml", "limits: { timeout: 2 seconds }\n")
    cli.write("agents/slow.md", shellAgent("exec sleep 60"))
    const result = await cli.run([
      "start",
      "slow",
      "--headless",
      "--prompt",
      "x",
      "--bottle",
      "plain",
      "--bottle",
      "brief",
    ])
    expect([result.code, result.stderr]).toEqual([
      124,
      expect.stringMatching(/reached its timeout of 2 seconds/),
    ])
  })

  it("without orchestrate reads no FORGE_* variable: there is no forge at the neck", async () => {
    cli.write("agents/reader.md", shellAgent("forge read-issue 17"))
    const result = await cli.run(["start", "reader", "--headless", "--prompt", "x"], { env: forge.env })
    expect([result.code, result.stderr]).toEqual([1, expect.stringMatching(/no forge/)])
  })

  it("sees nothing of the host but its neck, and others see no socket of it", async () => {
    cli.write("agents/looker.md", shellAgent("cut -d ' ' -f 5 /proc/self/mountinfo; echo all; exec sleep 30"))
    const running = cli.start(["start", "looker", "--headless", "--prompt", "x"])
    await expect.poll(running.stdout).toMatch(/^all$/m)
    const fromEngine =
      /^(all|\/|\/(proc|dev|sys)(\/.*)?|\/etc\/(hosts|hostname|resolv\.conf)|\/sbin\/docker-init)$/
    const mounts = running.stdout().trim().split("\n")
    expect(mounts.filter((mount) => !fromEngine.test(mount))).toEqual(["/run/bottle"])
    const run = readdirSync(join(cli.home, "run"))
      .map((name) => join(cli.home, "run", name))
      .find((path) => existsSync(join(path, "control.sock")))
    const modes = ["", "neck", "neck/neck.sock", "control.sock"].map(
      (path) => statSync(join(run ?? "", path)).mode & 0o777,
    )
    expect(modes.map((mode) => mode.toString(8))).toEqual(["700", "755", "666", "600"])
    await cli.run(["destroy", slugIn(running.stderr())])
    await running.result
  })

  it("ends with its agent: what the agent left running is gone", async () => {
    cli.write("agents/parent.md", shellAgent("sleep 4242 & (setsid sleep 4242 &) ; exit 0"))
    expect((await cli.run(["start", "parent", "--headless", "--prompt", "x"])).code).toBe(0)
    expect(processesWith("4242")).toEqual([])
  })

  it("prints JSON lines under --json: slug, output, exit", async () => {
    cli.write("agents/speaker.md", shellAgent("echo out; echo err >&2; exit 4"))
    const { stdout, code } = await cli.run(["start", "speaker", "--headless", "--prompt", "x", "--json"])
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
    expect(lines[0]).toMatchObject({ event: "slug", slug: expect.stringMatching(/^speaker-/) })
    expect(lines).toContainEqual(
      expect.objectContaining({ event: "output", stream: "stderr", text: "err\n" }),
    )
    expect(lines.at(-2)).toMatchObject({ event: "exit", exitCode: 4 })
    expect(lines.at(-1)).toMatchObject({ error: { _tag: "AgentExited", exitCode: 4 } })
    expect(code).toBe(4)
  })

  it("a dry run makes nothing: no directory, no database", async () => {
    const fresh = makeCli()
    fresh.write("agents/a.md", shellAgent("true"))
    fresh.write("bottles/plain.yaml", "image: some/image\n")
    const { code, stdout } = await fresh.run([
      "start",
      "a",
      "--headless",
      "--prompt",
      "x",
      "--dry-run",
      "--json",
    ])
    expect([code, JSON.parse(stdout)]).toMatchObject([
      0,
      { image: "some/image", argv: ["sh", "-c", "true"], prompt: "x" },
    ])
    expect(readdirSync(fresh.home).sort()).toEqual(["agents", "bottles"])
    fresh.remove()
  })
})

describe("without an engine", () => {
  it("a start says what to do, and leaves no row", async () => {
    const fresh = makeCli()
    fresh.write("agents/a.md", shellAgent("true"))
    fresh.write("bottles/plain.yaml", "image: some/image\n")
    const env = { DOCKER_HOST: `unix://${fresh.home}/none.sock` }
    const { code, stderr } = await fresh.run(["start", "a", "--headless", "--prompt", "x"], { env })
    expect([code, stderr]).toEqual([125, expect.stringMatching(/backend docker is unavailable/)])
    expect(JSON.parse((await fresh.run(["list", "--json"], { env })).stdout)).toEqual([])
    expect((await fresh.run(["destroy", "never-was"], { env })).code).toBe(0)
    fresh.remove()
  })
})

const readFileIfFile = (path: string): Buffer => {
  try {
    return readFileSync(path)
  } catch {
    return Buffer.alloc(0)
  }
}
