/** What a dry run shows and refuses. */
import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { LaunchPlan } from "../../src/domain/Bottle.ts"
import { Slug } from "../../src/domain/Slug.ts"
import { planText } from "../../src/cli/plan.ts"
import { makeCli, shellAgent } from "../support/cli.ts"

const cli = makeCli()
const OPEN = `
limits: { timeout: 5 minutes, idleTimeout: 90 seconds, pids: 77 }
env: { COLOUR: blue }
egress:
  allow:
    - api.example.com
    - { host: db.example.net, port: 5432, private: true, tls: false }
routes:
  billing:
    upstream: https://billing.example.com
    header: X-Key
    secret: { env: BILLING_KEY }
    allow: [GET /v1/invoices]
  model:
    upstream: https://api.anthropic.com
    header: x-api-key
    secret: { env: MODEL_KEY }
git:
  tool:
    url: https://git.example.com/ada/tool.git
    key: { identityFile: /keys/tool }
    push: [refs/heads/work/*]
workspace: { git: tool, ref: v1 }
`
beforeAll(() => {
  cli.write("bottles/plain.yaml", "image: some/image\n")
  cli.write("bottles/open.yaml", `image: some/image\nuser: 1000\n${OPEN}`)
  cli.write("bottles/bare.yaml", "backend: host\n")
  cli.write("bottles/strict.yaml", "backend: host\nlimits: { memory: 1g }\n")
  cli.write("bottles/proven.yaml", "backend: host\nverify: required\n")
  cli.write("agents/worker.md", shellAgent("echo hello"))
  cli.write("agents/sleeper.md", shellAgent("echo asleep; exec sleep 600", "bare"))
})
afterAll(async () => {
  for (const { slug } of JSON.parse((await cli.run(["list", "--json"])).stdout) as Array<{ slug: string }>)
    await cli.run(["destroy", slug])
  cli.remove()
})

const dry = (bottle: string, ...more: ReadonlyArray<string>) =>
  cli.run(["start", "worker", "--headless", "--prompt", "x", "--bottle", bottle, "--dry-run", ...more])
const slugIn = (stderr: string): string => /^bottle (\S+)$/m.exec(stderr)?.[1] ?? "no-slug"

describe("the plan of a start", () => {
  it("shows all that the bottle opens and holds, without a key, and makes nothing", async () => {
    const { code, stdout } = await dry("open")
    expect(code).toBe(0)
    const slug = /^bottle +(\S+)/m.exec(stdout)?.[1] ?? ""
    for (const line of [
      /^agent +worker, with bottle open$/m,
      /^user +1000$/m,
      /^workspace +a clone of tool at v1, on branch/m,
      /^network +only the neck, which opens egress, routes, git$/m,
      /^egress +api\.example\.com$/m,
      /^egress +db\.example\.net:5432, private addresses too, TLS not required$/m,
      /^route +billing: https:\/\/billing\.example\.com with X-Key from variable BILLING_KEY; allows GET \/v1\/invoices$/m,
      /^route +model: .*; allows POST \/v1\/messages, /m,
      /^git +tool: https:\/\/git\.example\.com\/ada\/tool\.git with the key of \/keys\/tool; may push refs\/heads\/work\/\*; not change .*\.gitea\/workflows/m,
      /^limits +.*timeout 5 minutes, idleTimeout 90 seconds.*pids 77/m,
      /^env +COLOUR$/m,
    ])
      expect(stdout).toMatch(line)
    const json = JSON.parse((await dry("open", "--json")).stdout) as LaunchPlan
    expect(json).toMatchObject({
      agent: "worker",
      bottles: ["open"],
      isolated: true,
      limits: { timeout: "5 minutes", idleTimeout: "90 seconds", pids: 77 },
      neck: {
        egress: ["api.example.com", { host: "db.example.net", tls: false }],
        routes: { billing: { secret: { env: "BILLING_KEY" } } },
        git: { tool: { push: ["refs/heads/work/*"] } },
      },
    })
    expect(slug).not.toBe("")
    expect(readdirSync(cli.home).sort()).toEqual(["agents", "bottles"])
  })

  it("says of a bottle without openings that its network is the neck alone, and not of a backend that isolates nothing", async () => {
    expect((await dry("plain")).stdout).toMatch(/^network +only the neck$/m)
    const bare = (await dry("bare")).stdout
    expect(bare).not.toMatch(/only the neck|memory \d|pids \d/)
    expect(bare).toMatch(/^backend +host: NO ISOLATION$/m)
    expect(bare).toMatch(/^network +this machine's whole network: the host backend isolates nothing/m)
    expect(bare).toMatch(new RegExp(`^user +${process.getuid?.()}:`, "m"))
    expect(bare).toMatch(
      /^limits +timeout none, idleTimeout none; memory, pids, cpus and disk are not enforced$/m,
    )
    expect(JSON.parse((await dry("bare", "--json")).stdout)).toMatchObject({ isolated: false })
  })

  it("shows limits, and keys of routes and repositories, that it does not know", () => {
    const newLimits = { connections: 64, sparks: { perMinute: 9 } }
    const newRouteKeys = { query: ["page"], sparks: { "x-version": "2" } }
    const text = planText({
      ...PLAN,
      limits: { ...PLAN.limits, ...newLimits },
      neck: {
        approvals: [],
        egress: [],
        git: {},
        routes: {
          api: {
            upstream: "https://api.example",
            header: "X",
            secret: { env: "K" },
            ...newRouteKeys,
          },
        },
      },
    })
    expect(text).toMatch(/^limits .*connections 64, sparks \{"perMinute":9\}$/m)
    expect(text).toMatch(/^route .*query \["page"\]; sparks \{"x-version":"2"\}$/m)
  })

  it("keeps each entry on its line, whatever is in it", () => {
    const text = planText({
      ...PLAN,
      workspace: { root: "/w", tracked: [], untracked: ["a\nnetwork   none\u001b[2J"] },
    })
    expect(text.split("\n").filter((line) => line.startsWith("network"))).toHaveLength(1)
    expect(text).not.toContain("\u001b")
  })

  it("is refused where the start would be", async () => {
    expect(await dry("strict")).toMatchObject({
      code: 126,
      stdout: "",
      stderr: expect.stringMatching(/limits of memory/),
    })
    expect(await dry("proven")).toMatchObject({
      code: 126,
      stdout: "",
      stderr: expect.stringMatching(/verify: required, and/),
    })
    expect(await dry("plain", "--backend", "cloud")).toMatchObject({
      code: 125,
      stderr: expect.stringMatching(/no backend "cloud"/),
    })
    const json = await dry("strict", "--json")
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { _tag: "LaunchRefused" } })
  })
})

describe("the plan of a resume", () => {
  it("shows the run and the artifact it continues from, and copies nothing; without an artifact it is refused", async () => {
    execFileSync("git", ["init", "-q"], { cwd: cli.cwd })
    mkdirSync(join(cli.cwd, "sub"))
    writeFileSync(join(cli.cwd, "sub", "file"), "x")
    const start = ["start", "worker", "--headless", "--prompt", "x", "--bottle", "bare", "--copy-cwd"]
    expect((await cli.run([...start, "--dry-run"])).stdout).toMatch(/^copies +0 tracked and 1 untracked/m)
    const slug = slugIn((await cli.run(start)).stderr)
    const resume = ["resume", slug, "--headless", "--prompt", "y", "--dry-run"]
    const exited = await cli.run(resume)
    expect(exited.stdout).toMatch(/\(run 2, continues run 1\)/)
    expect(exited.stdout).toMatch(/^image +created first, by freezing run 1$/m)
    expect(exited.stdout).not.toMatch(/^copies|untracked/m)
    const asJson = JSON.parse((await cli.run([...resume, "--json"])).stdout) as LaunchPlan
    expect([asJson.run, asJson.continues, asJson.workspace]).toEqual([2, { run: 1 }, undefined])
    expect((await cli.run(["list"])).stdout).toMatch(/exited/)

    expect((await cli.run(["freeze", slug])).code).toBe(0)
    const frozen = await cli.run(resume)
    const artifact = join(cli.home, "state", slug, "host", "frozen-1")
    expect(frozen.stdout).toContain(`${artifact} (rehydrated)`)
    expect(frozen.stdout).toMatch(/\(run 2, continues run 1\)/)
    rmSync(artifact, { recursive: true })
    for (const args of [resume, resume.filter((word) => word !== "--dry-run")]) {
      expect(await cli.run(args)).toMatchObject({
        code: 125,
        stdout: "",
        stderr: expect.stringMatching(/artifact .* is gone/),
      })
    }
    expect((await cli.run(["list"])).stdout).toMatch(/ lost /)
    expect((await cli.run(["destroy", slug])).code).toBe(0)
    expect(existsSync(join(cli.home, "state", slug))).toBe(false)
  })

  it("is refused while the agent runs, and by another backend", async () => {
    const running = cli.start(["start", "sleeper", "--headless", "--prompt", "x"])
    await expect.poll(running.stdout).toContain("asleep")
    const slug = slugIn(running.stderr())
    const resume = ["resume", slug, "--headless", "--prompt", "y", "--dry-run"]
    expect(await cli.run(resume)).toMatchObject({
      code: 125,
      stdout: "",
      stderr: expect.stringMatching(/is running/),
    })
    expect(await cli.run([...resume, "--backend", "docker"])).toMatchObject({ code: 2, stdout: "" })
    await cli.run(["destroy", slug])
    await running.result
  })
})

const PLAN: LaunchPlan = {
  slug: Slug.make("door-abcde"),
  agent: "worker",
  bottles: ["plain"],
  backend: "docker",
  isolated: true,
  run: 1,
  image: "some/image",
  rehydrate: false,
  pull: "missing",
  workdir: "/workspace",
  limits: { memoryBytes: 1024 ** 3, pids: 10 },
  argv: ["agent"],
  env: {},
  prompt: "x",
  files: [],
  interactive: false,
  neck: { approvals: [], egress: [], routes: {}, git: {} },
}
