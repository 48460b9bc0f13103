/** Launches that fail, each in another way: nothing of them stays. */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { type Cli, type CliOptions, makeCli, shellAgent } from "../support/cli.ts"
import { dockerAvailable } from "../support/docker.ts"
import { TOKEN } from "../support/forge.ts"

let cli: Cli
beforeEach(() => {
  cli = makeCli()
  cli.write("agents/worker.md", shellAgent("echo hello"))
  cli.write("bottles/plain.yaml", "backend: host\n")
})
afterEach(() => cli.remove())

const inFolder = (...path: ReadonlyArray<string>): ReadonlyArray<string> => {
  try {
    return readdirSync(join(cli.home, ...path))
  } catch {
    return []
  }
}
/** Fails as told, and leaves no row, no run directory and no state. */
const fails = async (args: ReadonlyArray<string>, code: number, text: RegExp, options: CliOptions = {}) => {
  const result = await cli.run(args, options)
  expect([result.code, result.stderr]).toEqual([code, expect.stringMatching(text)])
  expect([inFolder("run"), inFolder("state")]).toEqual([[], []])
  expect((await cli.run(["list", "--json"], options)).stdout).toBe("[]\n")
  return result
}
const start = ["start", "worker", "--headless", "--prompt", "x"]
const orchestrate = ["orchestrate", "start", "--agent", "worker", "--prompt", "x"]
const FORGE = {
  FORGE_GITEA_API: "http://127.0.0.1:9/api/v1",
  FORGE_GITEA_TOKEN: TOKEN,
  FORGE_OWNER: "ada",
  FORGE_REPO: "cellar",
  FORGE_ISSUE_NUMBER: "17",
}

describe("a launch that fails leaves nothing", () => {
  it("when no engine answers", async () => {
    cli.write("bottles/plain.yaml", "image: some/image\n")
    await fails(start, 125, /backend docker is unavailable/, {
      env: { DOCKER_HOST: `unix://${cli.home}/none.sock` },
    })
  })

  it.skipIf(!dockerAvailable)("when its image is missing", async () => {
    cli.write("bottles/plain.yaml", "image: bot-bottle/none-of-that-name\n")
    await fails([...start, "--pull", "never"], 125, /the image is not on this engine/)
  })

  it("when its backend refuses it", async () => {
    cli.write("bottles/plain.yaml", "backend: host\nlimits: { pids: 5 }\n")
    await fails(start, 126, /cannot keep limits of pids/)
  })

  it("when the box cannot be made", async () => {
    cli.write("agents/worker.md", `---\nprovider: command\nbottle: plain\ncommand: ["true"]\n---\n`)
    cli.write("bottles/plain.yaml", "backend: host\nenv: { A: b }\n")
    writeFileSync(join(cli.cwd, "file"), "x")
    await fails([...start, "--copy-cwd"], 2, /git/)
  })

  it("when a route has no secret: before it has a slug", async () => {
    cli.write(
      "bottles/plain.yaml",
      "backend: host\nroutes: { api: { upstream: 'https://api.example', header: X, secret: { env: NOT_SET } } }\n",
    )
    const { stderr } = await fails(start, 125, /route "api".*NOT_SET/)
    expect(stderr).not.toMatch(/^bottle /m)
  })

  it("when its sidecar cannot serve", async () => {
    mkdirSync(cli.home, { recursive: true })
    const env = { BOT_BOTTLE_RUN_DIR: join(cli.home, "x".repeat(90)) }
    await fails(start, 126, /a socket's path has at most/, { env })
    writeFileSync(join(cli.home, "file"), "")
    await fails(start, 125, /failed/, { env: { BOT_BOTTLE_RUN_DIR: join(cli.home, "file", "run") } })
  })

  for (const [variable, value] of [
    ["FORGE_GITEA_API", "not a URL"],
    ["FORGE_GITEA_TOKEN", "two words"],
    ["FORGE_OWNER", "a/b"],
    ["FORGE_PR_NUMBER", "x"],
    ["FORGE_ISSUE_NUMBER", "-1"],
  ] as const) {
    it(`when ${variable} is malformed: before it has a slug`, async () => {
      const { stderr } = await fails(orchestrate, 125, new RegExp(variable), {
        env: { ...FORGE, [variable]: value },
      })
      expect(stderr).not.toMatch(/^bottle /m)
    })
  }
})

it("a resume that fails leaves the bottle as it was, without a run directory", async () => {
  const { stderr } = await cli.run(start)
  const slug = /^bottle (\S+)$/m.exec(stderr)?.[1] ?? ""
  cli.write(
    "bottles/plain.yaml",
    "backend: host\nroutes: { api: { upstream: 'https://api.example', header: X, secret: { env: NOT_SET } } }\n",
  )
  const resume = ["resume", slug, "--headless", "--prompt", "y"]
  expect(await cli.run(resume)).toMatchObject({ code: 125, stdout: "" })
  expect((await cli.run(["list"])).stdout).toMatch(/exited/)
  expect((await cli.run(["freeze", slug])).code).toBe(0)
  expect(await cli.run(resume)).toMatchObject({ code: 125, stdout: "" })
  expect([inFolder("run"), (await cli.run(["list"])).stdout]).toEqual([[], expect.stringMatching(/frozen/)])
  await cli.run(["destroy", slug])
})
