/** What agents ask for, decided at the command line: while they run, after they ended, by two operators at once, and by the service. */
import { Effect, Exit, Scope } from "effect"
import { readFileSync } from "node:fs"
import { userInfo } from "node:os"
import { expect, it } from "vitest"
import { makeCli, shellAgent } from "../support/cli.ts"
import { hookReceiver } from "../support/hookReceiver.ts"
import { makeServed } from "../support/served.ts"

const ME = userInfo().username
const ALL = "approvals: [egress, protected_path, budget, question]\n"
const idOf = (text: string) => `$(${text} | sed -n 's/^request \\([a-z2-7]*\\):.*/\\1/p')`

interface Asked {
  readonly id: string
  readonly slug: string
  readonly run: number
  readonly state: string
  readonly taken?: { readonly run: number }
}

const world = (script: string, bottle = `backend: host\n${ALL}`) => {
  const cli = makeCli()
  cli.write("agents/asker.md", shellAgent(script))
  cli.write("bottles/plain.yaml", bottle)
  const listed = async (...more: ReadonlyArray<string>): Promise<ReadonlyArray<Asked>> =>
    JSON.parse((await cli.run(["requests", "--json", ...more])).stdout)
  return {
    ...cli,
    listed,
    begin: () => cli.start(["start", "asker", "--headless", "--prompt", "Ask."]),
    /** The requests that wait, once there are any. */
    waiting: async () => {
      await expect.poll(async () => (await listed()).length, { interval: 300 }).toBeGreaterThan(0)
      return listed()
    },
    end: async () => {
      for (const { slug } of JSON.parse((await cli.run(["list", "--json"])).stdout) as ReadonlyArray<Asked>)
        await cli.run(["destroy", slug])
      cli.remove()
    },
  }
}

it("an operator approves while the agent waits, and two operators have one outcome", async () => {
  const cli = world(
    `why=$(printf 'To \\033[2J install'); id=${idOf('forge request egress registry.example.com --reason "$why"')}
     until forge request-status $id --wait 45 | grep -v ': open'; do :; done; forge request-status $id`,
  )
  try {
    const run = cli.begin()
    const [asked] = await cli.waiting()
    const id = asked?.id ?? ""
    const followed = cli.start(["requests", "--follow"])
    await expect
      .poll(followed.stdout, { interval: 300 })
      .toContain(`${id} open: ${asked?.slug}, run 1, asks for`)
    const text = await cli.run(["requests"])
    expect(text.stdout).toContain("To \u241b[2J install")
    expect(text.stdout + followed.stdout() + run.stderr()).not.toContain("\u001b")
    expect(text.stdout).toMatch(/^ID +BOTTLE +RUN +KIND +WHAT +WHY +ASKED$/m)
    expect(text.stdout).toContain("registry.example.com:443")
    expect(text.stderr).toContain(`"bot-bottle approve ${id}" approves ${id}`)
    expect(run.stderr()).toContain(`"bot-bottle approve ${id}" or "bot-bottle deny ${id} --reason WHY"`)
    for (const [args, problem] of [
      [["answer", id, "yes"], "approve or deny it"],
      [["approve", "zzzzzz"], "no request zzzzzz"],
      [["approve", "../x"], "six characters"],
      [["approve", id, "--once", "--for-run"], "not both"],
      [["deny", id, "--reason", " "], "1 to 4000 characters"],
    ] as const) {
      const failed = await cli.run(args)
      expect(failed.code).not.toBe(0)
      expect(failed.stderr).toContain(problem)
    }
    const both = await Promise.all([
      cli.run(["approve", id]),
      cli.run(["deny", id, "--reason", "Use the mirror"]),
    ])
    expect(both.map(({ code }) => code).sort()).toEqual([0, 125])
    const [approved] = both
    const verdict = approved?.code === 0 ? "approved" : "denied"
    const late = both.find(({ code }) => code !== 0)
    expect(late?.stderr).toContain(`was ${verdict} by ${ME} before, and that stays`)
    const { code, stdout } = await run.result
    expect(code).toBe(0)
    expect(stdout).toContain(`request ${id}: ${verdict} by ${ME}`)
    followed.child.kill("SIGINT")
    expect((await followed.result).code).toBe(130)
    expect(await cli.listed()).toEqual([])
    expect(await cli.listed("--all")).toMatchObject([{ id, state: verdict, taken: { run: 1 } }])
    const log = await cli.run(["log", asked?.slug ?? ""])
    expect(
      log.stdout.match(new RegExp(`registry.example.com:443 was ${verdict} by ${ME}`, "g")),
    ).toHaveLength(1)
    expect((await cli.run(["provenance", "verify", asked?.slug ?? ""])).code).toBe(0)
  } finally {
    await cli.end()
  }
})

it("what is answered after the run ended waits for the next run, and the command says how to go on", async () => {
  const cli = world(
    `case $BOT_BOTTLE_RUN in 1) forge request question 'Which door?'; forge signal-done blocked 'Which door?';; esac`,
    "backend: host\n",
  )
  try {
    expect((await cli.begin().result).code).toBe(0)
    const [asked] = await cli.waiting()
    const { id = "", slug = "" } = asked ?? {}
    const answered = await cli.run(["answer", id, "The left one"])
    expect(answered.stderr).toContain(`bottle ${slug} does not run: "bot-bottle resume ${slug} --headless`)
    expect(answered.code).toBe(0)
    expect(await cli.listed("--all")).toMatchObject([{ id, state: "answered" }])
    expect((await cli.listed("--all"))[0]?.taken).toBeUndefined()
    cli.write("agents/asker.md", shellAgent(`forge request-status ${id}`))
    const again = await cli.run(["resume", slug, "--headless", "--prompt", "Go on."])
    expect(again.stdout).toContain("> The left one")
    expect(await cli.listed("--all")).toMatchObject([{ id, taken: { run: 2 } }])
  } finally {
    await cli.end()
  }
})

it("more time that was approved counts once the agent has read it", async () => {
  const cli = world(
    `id=${idOf("forge request budget 'minutes 1' --reason 'It is slow'")}
     until forge request-status $id --wait 45 | grep -q approved; do :; done; sleep 13; echo finished`,
    `backend: host\nlimits: { timeout: 12 seconds }\n${ALL}`,
  )
  try {
    const run = cli.begin()
    const [asked] = await cli.waiting()
    expect((await cli.run(["approve", asked?.id ?? ""])).code).toBe(0)
    const { code, stdout } = await run.result
    expect([code, stdout.includes("finished")]).toEqual([0, true])
  } finally {
    await cli.end()
  }
})

it.each([
  ["while it runs", true],
  ["while it is down", false],
])("the service notifies, and resumes a blocked agent with the decision, made %s", async (_, isUp) => {
  const scope = Effect.runSync(Scope.make())
  const { url, received } = await Effect.runPromise(Scope.extend(hookReceiver, scope))
  const bodies = () => received.map(({ raw }) => raw)
  const served = await makeServed({
    notify: [{ url: url, format: "ntfy", events: ["approval"] }],
  })
  const { cli } = served
  cli.write(
    "agents/worker.md",
    shellAgent(
      `case $BOT_BOTTLE_RUN in 1) forge request question 'Which door?'; forge signal-done blocked 'Which door?';;
       *) cat "$BOT_BOTTLE_PROMPT_FILE" >prompt; forge signal-done success done;; esac`,
    ),
  )
  try {
    const service = await served.serve()
    await served.target()
    await expect.poll(service.stderr, { interval: 300 }).toMatch(/#17: frozen$/m)
    const [asked] = JSON.parse((await cli.run(["requests", "--json"])).stdout) as ReadonlyArray<Asked>
    const id = asked?.id ?? ""
    await expect
      .poll(() => bodies().join("\n"), { interval: 300 })
      .toContain(`asks for question, by request ${id}`)
    if (!isUp) {
      service.child.kill("SIGTERM")
      await service.result
    }
    const answered = await cli.run(["answer", id, "The left one"])
    expect(answered.stderr).toContain(
      isUp ? "the service resumes it if it ended blocked" : `"bot-bottle orchestrate resume --slug`,
    )
    const next = isUp ? service : await served.serve()
    await expect.poll(next.stderr, { interval: 300 }).toMatch(/a person decided what it asked for/)
    await expect
      .poll(async () => JSON.parse((await cli.run(["list", "--json"])).stdout)[0]?.done?.status, {
        interval: 500,
      })
      .toBe("success")
    const { slug } = asked ?? { slug: "" }
    await cli.run(["cp", `${slug}:prompt`, cli.cwd])
    const prompt = readFileSync(`${cli.cwd}/prompt`, "utf8")
    expect(prompt).toContain("The left one")
    expect(prompt).toContain(`"request":"${id}"`)
    expect(bodies().join()).not.toContain("Which door")
    expect(bodies().filter((body) => body.includes(id))).toHaveLength(1)
  } finally {
    await served.stop()
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }
})
