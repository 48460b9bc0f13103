/** The operators' quick start, followed from nothing to the first merged pull request: its commands as they stand, over a simulated Gitea and a real engine, with a stand-in for the program `claude`. */
import { Effect, Exit, Scope } from "effect"
import { spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, it } from "vitest"
import * as NodeProcessRunner from "../../src/layers/process/NodeProcessRunner.ts"
import * as GiteaSimulator from "../../src/simulator/GiteaSimulator.ts"
import * as GitServer from "../../src/simulator/gitServer.ts"
import { bin } from "../support/cli.ts"
import { describeDocker, docker } from "../support/docker.ts"
import { stepsOf } from "../support/documents.ts"
import { demoImageForTests } from "../support/images.ts"
import { freePort } from "../support/freePort.ts"

const steps = stepsOf("docs/orchestrator.md", "Quick start")

/** The commands of a step, or its file. */
const textOf = (step: number, language = "sh"): string => {
  const found = steps.get(step)?.find((example) => example.language === language)
  if (found === undefined) throw new Error(`step ${step} has no ${language}`)
  return found.text
}

/** Replaces what the guide says that its reader replaces. A guide without it fails the test. */
const replaced = (text: string, ...pairs: ReadonlyArray<readonly [from: string, to: string]>): string =>
  pairs.reduce((all, [from, to]) => {
    expect(all).toContain(from)
    return all.replaceAll(from, to)
  }, text)

const TOKEN = "0a".repeat(20)
const ADMIN = "0c".repeat(20)
const KEY = "sk-ant-0123456789abcdef"

const door = { owner: "acme", repo: "cellar", number: 17 }

/** In the place of claude: works on its issue, and on the review when it is resumed. */
const STAND_IN = `#!/bin/sh
set -eu
prompt=$(cat)
asked() { case $prompt in *"$1"*) ;; *) echo "my prompt lacks: $1"; exit 1 ;; esac; }
case " $* " in
  *" --continue "*)
    asked "Plane it too."
    sed -i 's/^Width:.*/Width: 90 cm/' door.md
    git commit -q -a -m "Plane the door"
    git push -q
    forge signal-done success "planed the door" ;;
  *)
    asked "It does not close."
    if env | grep -q '${KEY}'; then echo "I have a key"; exit 1; fi
    echo "I oil the hinge"
    sed -i 's/^Hinge:.*/Hinge: oiled/' door.md
    git commit -q -a -m "Oil the hinge"
    git push -q
    printf 'Closes #17\\n' | forge open-pr --title "The door closes" --head "$(git branch --show-current)"
    forge signal-done success "oiled the hinge" ;;
esac
`

describeDocker("the operators' quick start", () => {
  let place = ""
  const scope = Effect.runSync(Scope.make())
  beforeEach(() => {
    place = mkdtempSync(join(tmpdir(), "bb-guide-"))
  })

  /** Commands as somebody types them into a terminal, in a clone of bot-bottle. */
  const terminal = (
    commands: string,
    { env = {}, input = "" }: { env?: Readonly<Record<string, string>>; input?: string } = {},
  ) => {
    const child = spawn("sh", ["-ec", commands], {
      cwd: join(place, "clone"),
      env: { PATH: `${join(place, "bin")}:${process.env["PATH"] ?? ""}`, HOME: join(place, "user"), ...env },
      // So that an end reaches the commands too, as Ctrl-C does.
      detached: true,
    })
    let said = ""
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => (said += text))
    child.stdin.end(input)
    const exit = new Promise<number | null>((resolve) => void child.once("close", resolve))
    const stop = async (): Promise<number | null> => {
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
        process.kill(-child.pid, "SIGINT")
      return exit
    }
    open.push(stop)
    return { said: () => said, exit, stop }
  }
  const open: Array<() => Promise<unknown>> = []
  /** Commands that come to their end, and succeed. */
  const run = async (...given: Parameters<typeof terminal>): Promise<string> => {
    const { exit, said } = terminal(...given)
    expect({ code: await exit, said: said() }).toMatchObject({ code: 0 })
    return said()
  }

  afterEach(async () => {
    for (const stop of open.splice(0)) await stop()
    const left = terminal('bot-bottle list --json | grep -o \'"slug": *"[^"]*\' | sed \'s/.*"//\'')
    await left.exit
    for (const slug of left.said().split("\n").filter(Boolean))
      await terminal(`bot-bottle destroy ${slug}`).exit
    const context = join(place, "clone", "images", "claude")
    const label = `label=bot-bottle.build=${context}`
    const images = docker("images", "--quiet", "--no-trunc", "--filter", label).split("\n").filter(Boolean)
    if (images.length > 0) docker("image", "rm", "--force", ...new Set(images))
    await Effect.runPromise(Scope.close(scope, Exit.void))
    rmSync(place, { recursive: true, force: true })
  })

  it("leads from nothing to a merged pull request whose bottle is destroyed", async () => {
    // A step with commands that is added to the guide must be followed here.
    expect([...steps].flatMap(([step, { length }]) => (length > 0 ? [step] : []))).toEqual([
      2, 3, 4, 5, 6, 7, 9,
    ])
    expect(steps.size).toBe(11)

    // What the guide takes for granted: bot-bottle on PATH, a clone of it, and a Gitea with a repository.
    for (const folder of ["bin", "user", "clone/images/claude"])
      mkdirSync(join(place, folder), { recursive: true })
    const wrapper = `#!/bin/sh\nexec '${process.execPath}' '${bin}' "$@"\n`
    writeFileSync(join(place, "bin", "bot-bottle"), wrapper, { mode: 0o755 })
    const image = join(place, "clone", "images", "claude")
    writeFileSync(join(image, "claude"), STAND_IN, { mode: 0o755 })
    writeFileSync(
      join(image, "Dockerfile"),
      `FROM ${await demoImageForTests()}\nCOPY claude /usr/local/bin/claude\nUSER 1000\n`,
    )
    const inScope = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>) =>
      Effect.runPromise(Scope.extend(effect, scope))
    const repositories = await inScope(
      Effect.provide(GitServer.make(join(place, "forge")), NodeProcessRunner.layer),
    )

    // 1. The bot's account and its token: what the steps on Gitea's pages cause.
    const scopes = ["write:issue", "write:repository", "read:user", "read:organization"]
    const forge = await inScope(
      GiteaSimulator.make(
        {
          users: [
            { login: "bot", token: TOKEN, scopes },
            { login: "admin", token: ADMIN, scopes: ["write:repository"] },
            { login: "ada" },
          ],
          orgs: [
            { name: "bot-bottle", members: ["bot"] },
            { name: "acme", owners: ["admin"], members: ["bot", "ada"] },
          ],
          repos: [
            {
              owner: "acme",
              name: "cellar",
              private: true,
              collaborators: { bot: "write", ada: "write" },
              issues: [{ number: 17, title: "The door", body: "It does not close.", author: "ada" }],
            },
          ],
        },
        { mounts: [repositories.mount] },
      ),
    )
    await inScope(repositories.create("acme", "cellar", { "door.md": "Width: 91 cm\nHinge: dry\n" }))
    const ada = forge.as("ada")

    // 2. The token is pasted.
    await run(textOf(2), { input: `${TOKEN}\n` })
    const secrets = join(place, "user", ".config", "bot-bottle")
    for (const name of ["token", "hook"]) expect(statSync(join(secrets, name)).mode & 0o777).toBe(0o600)

    // 3. Manifests, for a Gitea at a private address.
    await run(replaced(textOf(3), ["{ forge: true }", "{ forge: true, private: true }"]))

    // 4. The configuration, with the addresses of this Gitea and of this machine.
    const address = `127.0.0.1:${await freePort()}`
    const configuration = replaced(
      textOf(4, "yaml"),
      ["https://git.example.org/api/v1", forge.apiUrl],
      ["https://bots.example.org", `http://${address}`],
    )
    const home = join(place, "user", ".bot-bottle")
    writeFileSync(join(home, "orchestrator.yaml"), `${configuration}listen: ${address}\n`)

    // 5. Nothing is missing.
    expect(await run(textOf(5))).toContain("everything needed is present")

    // 6. The service, in a terminal of its own. People here are silent for a shorter time.
    const service = terminal(replaced(textOf(6), ["=...", `=${KEY}`]), {
      env: { BOT_BOTTLE_ORCHESTRATOR_SETTLE: "1 second" },
    })
    await expect.poll(service.said).toMatch(/^serving/m)

    // 7. The webhook, with an administrator's token.
    writeFileSync(join(secrets, "admin-token"), `${ADMIN}\n`, { mode: 0o600 })
    expect(await run(textOf(7))).toContain("a test delivery arrived")

    // 8. The issue is labelled, and the bot is assigned.
    await Effect.runPromise(Effect.zipRight(ada.label(door, "bot-bottle:claude"), ada.assign(door, "bot")))

    // 9. One command after the other, in a second terminal.
    const [watch = "", logs = "", ...others] = textOf(9).trim().split("\n")
    expect(others).toEqual([])
    const watched = terminal(watch)
    await expect.poll(service.said).toMatch(/#17: launched bottle \S+, run 1$/m)
    const slug = /launched bottle (\S+),/.exec(service.said())?.[1] ?? ""
    await expect.poll(watched.said).toMatch(/acme\/cellar\/issues\/17 .* its agent is at work$/m)
    await watched.stop()
    expect(await run(replaced(logs, ["SLUG", slug]))).toContain("I oil the hinge")
    await expect.poll(service.said).toMatch(/#17: frozen$/m)
    const issues = () => [...(forge.state.repo("acme", "cellar")?.issues.values() ?? [])]
    const pull = issues().find((issue) => issue.pull !== undefined)
    expect(pull).toMatchObject({ title: "The door closes", state: "open" })
    const at = { ...door, number: pull?.number ?? 0 }

    // 10. A review resumes it.
    await Effect.runPromise(ada.review(at, { state: "REQUEST_CHANGES", body: "Plane it too." }))
    await expect.poll(service.said).toMatch(/#17: resumed bottle \S+, run 2$/m)
    await expect.poll(() => service.said().match(/#17: frozen$/gm)).toHaveLength(2)

    // 11. The merge.
    await Effect.runPromise(ada.mergeIn(repositories, at))
    await expect.poll(service.said).toMatch(/#17: destroyed/)
    expect(JSON.parse(await run("bot-bottle list --json"))).toEqual([])
    expect(docker("ps", "--all", "--format", "{{.Names}}")).not.toContain(slug)
    expect(await inScope(repositories.ask("acme", "cellar", ["show", "main:door.md"]))).toBe(
      "Width: 90 cm\nHinge: oiled",
    )
    await service.stop()
    for (const secret of [TOKEN, ADMIN, KEY, readFileSync(join(secrets, "hook"), "utf8").trim()])
      expect(service.said()).not.toContain(secret)
  })
})
