/** `doctor` as an operator runs it. */
import { afterAll, expect, it } from "vitest"
import { spawnSync } from "node:child_process"
import { chmodSync, mkdirSync, readdirSync } from "node:fs"
import { makeCli } from "../support/cli.ts"
import { describeDocker } from "../support/docker.ts"
import { startForge } from "../support/forge.ts"

const cli = makeCli()
afterAll(cli.remove)

interface Found {
  readonly subject: string
  readonly status: string
  readonly todo: string
}
const doctor = async (env: Record<string, string> = {}) => {
  const { stdout, stderr, code } = await cli.run(["doctor", "--json"], { env })
  const findings: ReadonlyArray<Found> = JSON.parse(stdout)
  return { code, stderr, of: (subject: string) => findings.find((found) => found.subject === subject) }
}

describeDocker("doctor on a docker engine", () => {
  it("tries the neck in a real bottle, asks the forge, and leaves nothing of the bottle", async () => {
    const forge = await startForge()
    const { code, of } = await doctor(forge.env)
    expect(code).toBe(0)
    for (const subject of [
      "backend docker",
      "git",
      "home",
      "socket path",
      "state database",
      "neck",
      "forge org",
    ]) {
      expect(of(subject)).toMatchObject({ status: "ok" })
    }
    expect(JSON.parse((await cli.run(["list", "--json"])).stdout)).toEqual([])
    expect(readdirSync(`${cli.home}/run`)).toEqual([])
    const names = spawnSync("docker", ["ps", "--all", "--format", "{{.Names}}"], { encoding: "utf8" }).stdout
    expect(names).not.toMatch(/-doctor-/)
    await forge.stop()
  })
})

it("without an engine says what to do, and exits with 1", async () => {
  const env = { DOCKER_HOST: `unix://${cli.home}/none.sock`, PATH: "/usr/bin/none" }
  const { code, of } = await doctor(env)
  expect(code).toBe(1)
  expect(of("backend docker")).toMatchObject({ status: "missing", todo: expect.stringMatching(/docker/) })
  expect(of("git")).toMatchObject({ status: "missing" })
  expect(of("neck")).toMatchObject({ status: "absent" })
  expect(of("forge")).toMatchObject({ status: "absent" })
})

it("names a home that is open to others, and a forge that is half configured", async () => {
  mkdirSync(cli.home, { recursive: true })
  chmodSync(cli.home, 0o755)
  const { stdout, stderr, code } = await cli.run(["doctor"], {
    env: { FORGE_OWNER: "ada", PATH: "/usr/bin/none" },
  })
  chmodSync(cli.home, 0o700)
  expect(stdout).toMatch(/^home +MISSING .*mode 755/m)
  expect(stdout).toMatch(/^forge +MISSING .*FORGE_GITEA_API/m)
  expect(stderr).toMatch(/required parts? (is|are) missing/)
  expect(code).toBe(1)
})
