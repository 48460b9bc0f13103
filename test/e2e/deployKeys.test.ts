/** A bottle over ssh with a deploy key, as an operator has it: from the plan to the last revoked key. */
import { execFileSync } from "node:child_process"
import { Effect, Exit, Scope } from "effect"
import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import * as NodeProcessRunner from "../../src/layers/process/NodeProcessRunner.ts"
import * as GiteaSimulator from "../../src/simulator/GiteaSimulator.ts"
import * as GitServer from "../../src/simulator/gitServer.ts"
import { makeCli, shellAgent } from "../support/cli.ts"
import { TOKEN, cellarIn } from "../support/git.ts"
import { authorizedKeys, describeSsh, sshd } from "../support/sshd.ts"
import { tempDir } from "../support/tempDir.ts"

const forgeOverSsh = Effect.gen(function* () {
  const root = yield* tempDir
  const repositories = yield* GitServer.make(root)
  const sim = yield* GiteaSimulator.make(
    {
      users: [{ login: "bot", token: TOKEN }],
      repos: [
        {
          owner: "ada",
          name: "cellar",
          private: true,
          collaborators: { bot: "admin" },
          issues: [{ number: 17, title: "The door", author: "ada" }],
        },
      ],
    },
    { mounts: [authorizedKeys(root), repositories.mount] },
  )
  const { directory } = yield* cellarIn(repositories)
  return {
    sim,
    ...(yield* sshd(root, sim.url)),
    env: {
      FORGE_GITEA_API: sim.apiUrl,
      FORGE_GITEA_TOKEN: TOKEN,
      FORGE_OWNER: "ada",
      FORGE_REPO: "cellar",
      FORGE_ISSUE_NUMBER: "17",
    },
    git: (...args: ReadonlyArray<string>) =>
      execFileSync("git", ["-C", directory, ...args], { encoding: "utf8" }).trim(),
  }
}).pipe(Effect.provide(NodeProcessRunner.layer))

describeSsh("a bottle whose repository has a deploy key", () => {
  const cli = makeCli()
  const scope = Effect.runSync(Scope.make())
  let forge: Effect.Effect.Success<typeof forgeOverSsh>
  const keys = () => forge.sim.state.repo("ada", "cellar")?.keys ?? []
  const registrations = () =>
    forge.sim.requests
      .filter(({ method, path }) => method === "POST" && path.endsWith("/keys"))
      .map(({ body }) => JSON.parse(body))

  beforeAll(async () => {
    forge = await Effect.runPromise(Scope.extend(forgeOverSsh, scope))
    cli.write(
      "bottles/keyed.yaml",
      `backend: host
workspace: { git: app }
git:
  app: { url: "${forge.url}/ada/cellar.git", key: { provider: gitea }, knownHost: "${forge.knownHost}", private: true }
`,
    )
    cli.write(
      "agents/worker.md",
      shellAgent(
        'set -e; cat README.md; echo "$BOT_BOTTLE_RUN" >n; git add n; git commit -q -m "Run $BOT_BOTTLE_RUN"; git push -q',
        "keyed",
      ),
    )
  })
  afterAll(async () => {
    cli.remove()
    await Effect.runPromise(Scope.close(scope, Exit.void))
  })

  it("is shown in the plan, and refused by start, without a key being made", async () => {
    const start = ["start", "worker", "--headless", "--prompt", "x"]
    const plan = await cli.run([...start, "--dry-run"], { env: forge.env })
    expect([plan.code, plan.stdout]).toEqual([
      126,
      expect.stringMatching(/^registers +a deploy key of ada\/cellar that may push, until the run ends$/m),
    ])
    for (const more of [[], ["--yes"]])
      expect(await cli.run([...start, ...more], { env: forge.env })).toMatchObject({
        code: 126,
        stderr: expect.stringMatching(/takes the token of the run's forge.*"bot-bottle orchestrate start"/),
      })
    expect([registrations(), (await cli.run(["list", "--json"])).stdout.trim()]).toEqual([[], "[]"])
    expect(existsSync(join(cli.home, "keys"))).toBe(false)
  })

  it("clones and pushes over ssh, with another key in each run and none after", async () => {
    const orchestrate = (...args: ReadonlyArray<string>) =>
      cli.run(["orchestrate", ...args, "--prompt", "x"], { env: forge.env })
    const first = await orchestrate("start", "--agent", "worker")
    expect([first.stderr, first.code, first.stdout]).toEqual([first.stderr, 0, "cellar\n"])
    expect(keys()).toEqual([])
    const slug = /^bottle (\S+)$/m.exec(first.stderr)?.[1] ?? "no-slug"
    const second = await orchestrate("resume", "--slug", slug)
    expect([second.stderr, second.code]).toEqual([second.stderr, 0])
    expect(forge.git("log", "--format=%s", `bot-bottle/${slug}`)).toBe("Run 2\nRun 1\nfirst")
    expect(keys()).toEqual([])
    expect(registrations()).toMatchObject([
      { title: expect.stringContaining(`bot-bottle ${slug} `), read_only: false },
      { title: expect.stringContaining(`bot-bottle ${slug} `), read_only: false },
    ])
    expect(new Set(registrations().map(({ key }) => key)).size).toBe(2)
    expect(readdirSync(join(cli.home, "keys"))).toEqual([])
    expect(await cli.run(["destroy", slug])).toMatchObject({ code: 0, stderr: `${slug} is destroyed\n` })
  })
})
