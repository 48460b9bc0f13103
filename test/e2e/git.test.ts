/** git in a bottle, as an operator and an agent have it: a workspace that is cloned at the start, pushes, and what is not let through. */
import { execFileSync } from "node:child_process"
import { Effect, Exit, Scope } from "effect"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import * as NodeProcessRunner from "../../src/layers/process/NodeProcessRunner.ts"
import * as GiteaSimulator from "../../src/simulator/GiteaSimulator.ts"
import * as GitServer from "../../src/simulator/gitServer.ts"
import { makeCli, shellAgent } from "../support/cli.ts"
import { describeDocker } from "../support/docker.ts"
import { TOKEN, commit, ok } from "../support/git.ts"
import { testImage } from "../support/images.ts"
import { tempDir } from "../support/tempDir.ts"

/** A forge with issue 17, and the repository `ada/cellar` behind it. */
const forgeWithGit = Effect.gen(function* () {
  const repositories = yield* GitServer.make(yield* tempDir)
  const sim = yield* GiteaSimulator.make(
    {
      users: [{ login: "bot", token: TOKEN }, { login: "ada" }],
      repos: [
        {
          owner: "ada",
          name: "cellar",
          private: true,
          collaborators: { bot: "write" },
          issues: [{ number: 17, title: "The door", body: "It does not close.", author: "ada" }],
        },
        {
          owner: "ada",
          name: "press",
          collaborators: { bot: "write" },
          issues: [{ number: 17, title: "The ink", author: "ada" }],
        },
      ],
    },
    { mounts: [repositories.mount] },
  )
  yield* repositories.create("ada", "cellar")
  yield* repositories.create("ada", "press", { "README.md": "press\n" })
  const directory = repositories.directory("ada", "cellar")
  const seeded = yield* tempDir
  yield* ok(seeded, ["init", "-q", "-b", "main"])
  yield* commit(seeded, { "README.md": "cellar\n" }, "first")
  yield* ok(seeded, ["push", "-q", directory, "main", "main:dev"])
  return {
    url: `${sim.url}/ada/cellar.git`,
    env: {
      FORGE_GITEA_API: sim.apiUrl,
      FORGE_GITEA_TOKEN: TOKEN,
      FORGE_OWNER: "ada",
      FORGE_REPO: "cellar",
      FORGE_ISSUE_NUMBER: "17",
      FORGE_PR_NUMBER: "",
    },
    repositories,
    /** Branches of both repositories at the forge. */
    branches: () =>
      ["cellar", "press"].map((name) =>
        execFileSync(
          "git",
          [
            "-C",
            repositories.directory("ada", name),
            "for-each-ref",
            "--format=%(refname:lstrip=2)",
            "refs/heads/bot-bottle",
          ],
          { encoding: "utf8" },
        ).trim(),
      ),
    /** git at the forge itself. */
    git: (...args: ReadonlyArray<string>) =>
      execFileSync("git", ["-C", directory, ...args], { encoding: "utf8" }).trim(),
    /** A commit of somebody else. */
    others: (path: string) =>
      Effect.runPromise(
        Effect.zipRight(
          commit(seeded, { [path]: "theirs\n" }, path),
          ok(seeded, ["push", "-q", directory, "main"]),
        ),
      ),
  }
}).pipe(Effect.provide(NodeProcessRunner.layer))

const cli = makeCli()
const scope = Effect.runSync(Scope.make())
let forge: Effect.Effect.Success<typeof forgeWithGit>

const slugIn = (stderr: string): string => /^bottle (\S+)$/m.exec(stderr)?.[1] ?? "no-slug"
const orchestrate = (...args: ReadonlyArray<string>) => cli.run(["orchestrate", ...args], { env: forge.env })
const bottle = (name: string, lines: ReadonlyArray<string>) =>
  cli.write(
    `bottles/${name}.yaml`,
    [...lines, "git:", `  app: { url: "${forge.url}", key: { provider: gitea }, private: true }`, ""].join(
      "\n",
    ),
  )
const states = async (): Promise<ReadonlyArray<Record<string, unknown>>> =>
  JSON.parse((await cli.run(["list", "--json"])).stdout)

beforeAll(async () => {
  forge = await Effect.runPromise(Scope.extend(forgeWithGit, scope))
})
// The issue is free for the next bottle.
afterEach(async () => {
  for (const { slug } of await states()) await cli.run(["destroy", String(slug)])
})
afterAll(async () => {
  cli.remove()
  await Effect.runPromise(Scope.close(scope, Exit.void))
})

describeDocker("git in a bottle on a real engine", () => {
  let image: string

  beforeAll(async () => {
    const imageWith = (git: boolean) =>
      Effect.runPromise(
        testImage({ tools: ["perl"], git }).pipe(
          Effect.provide(NodeProcessRunner.layer),
          Scope.extend(scope),
        ),
      )
    image = await imageWith(true)
    bottle("cloned", [`image: ${image}`, "workspace: { git: app, ref: dev }"])
    bottle("bare", [`image: ${image}`])
    bottle("gitless", [`image: ${await imageWith(false)}`, "workspace: { git: app }"])
  })

  it("clones the workspace before the agent, takes its pushes, and goes on after a freeze", async () => {
    // The prompt has the token backwards: the agent looks for it everywhere, and finds the one that it plants.
    cli.write(
      "agents/worker.md",
      shellAgent(
        `set -e
        if [ "$BOT_BOTTLE_RUN" = 1 ]; then
          git status --short --branch; stat -c %u . .git README.md
          git config user.name; git config user.email
          echo mine >mine.txt; git add mine.txt; git commit -q -m "First work"; git push -q
          if git push origin HEAD:main; then echo let through; fi
        else
          git fetch -q; git log -1 --format=%s origin/main
          echo more >>mine.txt; git commit -q -a -m "Second work"; git push -q
        fi
        tail -n 1 "$BOT_BOTTLE_PROMPT_FILE" | rev >/tmp/planted
        env >/tmp/env
        grep -rlF -f /tmp/planted /etc /home /run /tmp /var /workspace 2>/dev/null || true; echo searched`,
        "cloned",
      ),
    )
    const prompt = `Close it\n${[...TOKEN].toReversed().join("")}`
    const first = await orchestrate("start", "--agent", "worker", "--prompt", prompt)
    const slug = slugIn(first.stderr)
    expect(first.stdout).toContain(`## bot-bottle/${slug}\n1000\n1000\n1000\nbot\nbot@noreply.127.0.0.1\n`)
    expect(first.stderr).toContain(`refs/heads/main: this bottle may push refs/heads/bot-bottle/${slug}`)
    expect(first.stdout).not.toContain("let through")
    expect(first.stdout).toMatch(/^\/tmp\/planted\nsearched$/m)
    expect(first.code).toBe(0)
    expect(forge.git("log", "-1", "--format=%s by %an", `bot-bottle/${slug}`)).toBe("First work by bot")
    await forge.others("theirs.txt")
    expect((await cli.run(["freeze", slug])).code).toBe(0)
    const second = await orchestrate("resume", "--slug", slug, "--prompt", prompt)
    expect([second.code, second.stdout]).toEqual([
      0,
      expect.stringMatching(/^theirs.txt\n[^]*\/tmp\/planted\nsearched$/m),
    ])
    expect(forge.git("log", "-1", "--format=%s", `bot-bottle/${slug}`)).toBe("Second work")
  })

  it("is there without a workspace too: the agent clones from the neck by itself", async () => {
    cli.write(
      "agents/cloner.md",
      shellAgent(
        `set -e; ls -A; git clone -q "$BOT_BOTTLE_NECK/git/app.git" . ; git config user.name me; git config user.email me@example.com
        echo x >x; git add x; git commit -q -m "By hand"; git push -q origin "HEAD:bot-bottle/$BOT_BOTTLE_SLUG/part"
        git -c protocol.version=2 ls-remote "$BOT_BOTTLE_NECK/git/other.git" || echo no other`,
        "bare",
      ),
    )
    const { code, stdout, stderr } = await orchestrate("start", "--agent", "cloner", "--prompt", "x")
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^no other$/m)])
    expect(forge.git("log", "-1", "--format=%s", `bot-bottle/${slugIn(stderr)}/part`)).toBe("By hand")
  })

  it("cannot be cloned: the launch ends with why, the agent never runs, and a resume tries again", async () => {
    cli.write("agents/late.md", shellAgent("echo ran; ls", "cloned"))
    forge.repositories.trouble = "down"
    const failed = await orchestrate("start", "--agent", "late", "--prompt", "x")
    const slug = slugIn(failed.stderr)
    expect(failed.code).toBe(125)
    expect(failed.stderr).toMatch(
      /docker: cloning into the workspace of ".*" failed: "app" could not be cloned: .*bot-bottle: the upstream could not be reached/,
    )
    expect(failed.stdout).not.toContain("ran")
    forge.repositories.trouble = undefined
    const again = await orchestrate("resume", "--slug", slug, "--prompt", "y")
    expect([again.code, again.stdout]).toEqual([0, "ran\nREADME.md\n"])
    expect((await cli.run(["destroy", slug])).code).toBe(0)
  })

  it("needs a git in the image, and a ref that there is", async () => {
    cli.write("bottles/elsewhere.yaml", "workspace: { git: app, ref: nowhere }\n")
    cli.write("agents/late.md", shellAgent("echo ran", "gitless"))
    const gitless = await orchestrate("start", "--agent", "late", "--prompt", "x")
    expect([gitless.code, gitless.stderr]).toEqual([125, expect.stringContaining("the image has no git")])
    await cli.run(["destroy", slugIn(gitless.stderr)])
    const nowhere = await orchestrate(
      "start",
      "--agent",
      "late",
      "--prompt",
      "x",
      "--bottle",
      "cloned",
      "--bottle",
      "elsewhere",
    )
    expect([nowhere.code, nowhere.stderr]).toEqual([
      125,
      expect.stringContaining('"app" has no branch, tag or commit "nowhere"'),
    ])
  })
})

describe("git in a bottle of the host", () => {
  it("goes by addresses that a later run's neck serves too, and has none of a run's secrets in its configuration", async () => {
    bottle("hosted", ["backend: host", "workspace: { git: app }"])
    cli.write(
      "agents/hosted.md",
      shellAgent(
        `set -e; git fetch -q; git log -1 --format=%an:%ae; cat README.md; git config remote.origin.url
        echo "$BOT_BOTTLE_RUN" >n; git add n; git commit -q -m "Run $BOT_BOTTLE_RUN"; git push -q
        grep -F "\${BOT_BOTTLE_NECK##*/}" .git/config || echo kept nothing`,
        "hosted",
      ),
    )
    const first = await orchestrate("start", "--agent", "hosted", "--prompt", "x")
    const slug = slugIn(first.stderr)
    expect([first.code, first.stdout]).toEqual([
      0,
      expect.stringMatching(/^cellar\nhttp:\/\/127.0.0.1:7317\/git\/app.git\n[^]*kept nothing$/m),
    ])
    const second = await orchestrate("resume", "--slug", slug, "--prompt", "y")
    expect([second.code, second.stdout]).toEqual([0, expect.stringContaining("bot:bot@noreply.127.0.0.1")])
    expect(forge.git("log", "-1", "--format=%s", `bot-bottle/${slug}`)).toBe("Run 2")
  })

  it("is the repository of the run itself where a manifest says so: one manifest serves two repositories", async () => {
    cli.write(
      "bottles/own.yaml",
      "backend: host\ngit: { app: { forge: true, private: true } }\nworkspace: { git: app }\n",
    )
    cli.write(
      "agents/own.md",
      shellAgent("set -e; cat README.md; echo x >x; git add x; git commit -q -m x; git push -q", "own"),
    )
    const before = forge.branches()
    const added = () =>
      forge.branches().map((now, at) =>
        now
          .split("\n")
          .filter((branch) => !before[at]?.split("\n").includes(branch))
          .join("\n"),
      )
    const cellar = await orchestrate("start", "--agent", "own", "--prompt", "x")
    expect([cellar.code, cellar.stdout]).toEqual([0, "cellar\n"])
    const inCellar = `bot-bottle/${slugIn(cellar.stderr)}`
    expect(added()).toEqual([inCellar, ""])
    const press = await cli.run(["orchestrate", "start", "--agent", "own", "--prompt", "x"], {
      env: { ...forge.env, FORGE_REPO: "press" },
    })
    expect([press.code, press.stdout]).toEqual([0, "press\n"])
    expect(added()).toEqual([inCellar, `bot-bottle/${slugIn(press.stderr)}`])
    const alone = await cli.run(["start", "own", "--headless", "--prompt", "x", "--dry-run"])
    expect([alone.code, alone.stdout]).toEqual([126, ""])
    expect(alone.stderr).toContain(
      "git.app is the run's own repository (forge: true), and this run has no forge",
    )
  })
})
