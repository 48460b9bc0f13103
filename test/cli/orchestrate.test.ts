/** `orchestrate` as an operator types it, with a simulated forge and agents that are plain processes. */
import Sqlite from "better-sqlite3"
import { execFileSync } from "node:child_process"
import { createServer } from "node:net"
import { existsSync, mkdirSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { migrations } from "../../src/layers/sqlite/migrations.ts"
import type { Cli } from "../support/cli.ts"
import { makeCli, shellAgent } from "../support/cli.ts"
import { startForge } from "../support/forge.ts"

let cli: Cli
let forge: Awaited<ReturnType<typeof startForge>>

beforeEach(async () => {
  cli = makeCli()
  forge = await startForge()
  cli.write("agents/worker.md", shellAgent("exit 3"))
  cli.write("bottles/plain.yaml", "backend: host\n")
})
afterEach(async () => {
  await forge.stop()
  cli.remove()
})

const start = ["orchestrate", "start", "--agent", "worker", "--prompt", "work"]
const run = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) =>
  cli.run(args, { env: { ...forge.env, ...env } })

/** A port on which nothing listens. */
const freePort = () =>
  new Promise<number>((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

/** What the home has beside manifests and the database. */
const made = (): ReadonlyArray<string> =>
  ["run", "state"].flatMap((name) => {
    const path = join(cli.home, name)
    return existsSync(path) ? readdirSync(path) : []
  })

it("orchestrate resume takes the label of the issue's bottle; destroy and rm do not", async () => {
  const begun = await run([...start, "--label", "the-issue"])
  expect([begun.code, begun.stderr]).toEqual([3, expect.stringMatching(/^bottle the-issue-[a-z0-9]{5}$/m)])
  const slug = /^bottle (\S+)$/m.exec(begun.stderr)?.[1] ?? ""
  const resumed = await run(["orchestrate", "resume", "--slug", "the-issue", "--prompt", "again"])
  expect([resumed.code, resumed.stderr]).toEqual([3, expect.stringContaining(`bottle ${slug}\n`)])
  const other = await run(["orchestrate", "resume", "--slug", "the-issu", "--prompt", "again"])
  expect([other.code, other.stderr]).toEqual([125, expect.stringContaining('no bottle "the-issu"')])
  for (const command of ["destroy", "rm"]) {
    const refused = await run([command, "the-issue"])
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining(`by their slug: ${slug}`)])
  }
  expect(JSON.parse((await run(["list", "--json"])).stdout)).toMatchObject([{ slug, run: 2 }])
  expect((await run(["destroy", slug])).code).toBe(0)
})

describe("orchestrate start refuses, makes no bottle and runs nothing", () => {
  const refusals: ReadonlyArray<
    readonly [string, number, RegExp, () => Promise<Record<string, string>> | Record<string, string>]
  > = [
    ["an issue that is not there", 125, /readIssue failed with 404/, () => ({ FORGE_ISSUE_NUMBER: "99" })],
    ["a repository that is not there", 125, /readIssue failed with 404/, () => ({ FORGE_REPO: "attic" })],
    [
      "a token that the forge does not know",
      125,
      /failed with 401/,
      () => ({ FORGE_GITEA_TOKEN: "f".repeat(40) }),
    ],
    [
      "a forge that does not answer",
      125,
      /cannot be reached/,
      async () => ({ FORGE_GITEA_API: `http://127.0.0.1:${await freePort()}/api/v1` }),
    ],
    [
      "an address with a query",
      125,
      /FORGE_GITEA_API/,
      () => ({ FORGE_GITEA_API: `${forge.env.FORGE_GITEA_API}?x` }),
    ],
    [
      "an issue that is closed",
      126,
      /ada\/cellar#17 is closed.*--force/,
      () => {
        const issue = forge.forge.state.issue("ada", "cellar", 17)
        if (issue !== undefined) issue.state = "closed"
        return {}
      },
    ],
  ]
  for (const [title, code, message, arrange] of refusals) {
    it(title, async () => {
      const refused = await run(start, await arrange())
      expect([refused.code, refused.stdout]).toEqual([code, ""])
      expect(refused.stderr).toMatch(message)
      expect(made()).toEqual([])
      expect((await run(["list", "--json"])).stdout.trim()).toBe("[]")
      expect((await run(["orchestrate", "status", "--all", "--json"])).stdout.trim()).toBe("[]")
    })
  }
})

it("status shows the state, the exit and the forge's own address; a closed issue is started on with --force", async () => {
  const issue = forge.forge.state.issue("ada", "cellar", 17)
  if (issue !== undefined) issue.state = "closed"
  const started = await run([...start, "--force"], { FORGE_ORG: "bot-bottle" })
  expect(started.code).toBe(3)
  expect(started.stderr).toContain("as bot; FORGE_ORG is bot-bottle")
  // The second forge's address must not show: the row has its own.
  const elsewhere = { FORGE_GITEA_API: "http://127.0.0.1:9/api/v1" }
  const table = await run(["orchestrate", "status"], elsewhere)
  expect(table.stdout).toMatch(/exited \(3\)/)
  expect(table.stdout).toContain(`${forge.forge.url}/ada/cellar/issues/17`)
  const rows: unknown = JSON.parse((await run(["orchestrate", "status", "--json"], elsewhere)).stdout)
  expect(rows).toMatchObject([
    {
      forge: forge.forge.apiUrl,
      status: "running",
      state: "exited",
      exit: { code: 3 },
      done: null,
      agentGitUser: "bot",
    },
  ])
})

it("an old row is named by status and by the refusal, and assigned by the command that both name", async () => {
  mkdirSync(cli.home, { recursive: true })
  const database = new Sqlite(join(cli.home, "bot-bottle.db"))
  for (const statement of migrations.slice(0, 2).flat()) database.exec(statement)
  database.exec(`INSERT INTO forge_state
    VALUES ('ada', 'cellar', 17, 'old-abcde', 'worker', '[]', 'host', '', NULL, 'running', '', -1)`)
  database.pragma("user_version = 2")
  database.close()

  const named = /bot-bottle (orchestrate assign old-abcde --forge) URL/
  const refused = await run(start)
  expect([refused.code, refused.stderr]).toEqual([125, expect.stringMatching(named)])
  const status = await run(["orchestrate", "status"])
  expect(status.stderr).toMatch(named)
  expect(status.stdout).toContain("ada/cellar#17")

  const assign = (named.exec(status.stderr)?.[1] ?? "").split(" ")
  const bad = await run([...assign, "https://ada:secret@git.example/api/v1"])
  expect([bad.code, bad.stderr.includes("secret")]).toEqual([2, false])
  expect((await run([...assign, "https://git.example/api/v1/"])).code).toBe(0)
  const after = await run(["orchestrate", "status"])
  expect([after.stderr, after.stdout]).toEqual([
    "",
    expect.stringContaining("https://git.example/ada/cellar/issues/17"),
  ])
  expect((await run(start)).code).toBe(3)
})

it("a home with the database of the Python bot-bottle is used once the command named was run", async () => {
  mkdirSync(cli.home, { recursive: true })
  const database = new Sqlite(join(cli.home, "bot-bottle.db"))
  database.exec("CREATE TABLE forge_state (owner TEXT, repo TEXT, issue_number INTEGER, slug TEXT)")
  database.close()
  const refused = await run(["list"])
  expect(refused.code).toBe(125)
  expect(refused.stderr).toContain("is the database of the Python bot-bottle")
  execFileSync("sh", ["-c", /mkdir .*$/m.exec(refused.stderr)?.[0] ?? "false"])
  expect((await run(["list", "--json"])).stdout.trim()).toBe("[]")
})
