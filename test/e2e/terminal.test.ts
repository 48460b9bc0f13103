/** Interactive use in a real terminal: what an operator sees, and which keys go to whom. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest"
import { bin, makeCli, shellAgent } from "../support/cli.ts"
import { processesWith, sidecarsOf } from "../support/faults.ts"
import { demoImageForTests } from "../support/images.ts"
import { describeTerminal, openTerminal } from "../support/terminal.ts"
import type { Terminal } from "../support/terminal.ts"

const cli = makeCli()
let terminal: Terminal

/** Types a command of ours; the line after it tells its exit code. */
const command = (args: string) => terminal.line(`clear; bot-bottle ${args}; echo "code=$?"`)
const slugOn = (screen: string): string => /^bottle ([a-z0-9-]+);/m.exec(screen)?.[1] ?? "none"
const list = async (): Promise<ReadonlyArray<{ readonly slug: string; readonly state: string }>> =>
  JSON.parse((await cli.run(["list", "--json"])).stdout)
const launched = async (args: string): Promise<string> => {
  command(args)
  await terminal.shows(/Launch this bottle\?/)
  terminal.keys("y")
  return slugOn(await terminal.shows(/^bottle .*[\s\S]*\/workspace \$/m))
}

describeTerminal("in a terminal", () => {
  beforeAll(async () => {
    cli.write("bottles/plain.yaml", `image: ${await demoImageForTests()}\n`)
    cli.write("bottles/other.yaml", "env: { FROM: other }\n")
    cli.write("agents/sheller.md", shellAgent("exec sh -i"))
    cli.write("agents/worker.md", shellAgent("echo asleep; exec sleep 60"))
  })
  beforeEach(() => {
    terminal = openTerminal(cli.cwd, { BOT_BOTTLE_HOME: cli.home, HOME: cli.cwd })
    terminal.line(`alias bot-bottle="${process.execPath} ${bin}"`)
  })
  afterEach(async () => {
    terminal.close()
    for (const { slug } of await list()) await cli.run(["destroy", slug])
  })
  afterAll(cli.remove)

  it("a start shows its plan and asks; enter, n and Ctrl-C decline with 126, and nothing is made", async () => {
    for (const key of ["Enter", "n", "C-c"]) {
      command("start sheller")
      // The screen before it ends with the code of the last one.
      expect(await terminal.shows(/Launch this bottle\?(?![^]*code=)/)).toMatch(/network +only the neck/)
      terminal.keys(key)
      expect(await terminal.shows(/code=126/)).toMatch(/declined: nothing was created/)
    }
    expect(await list()).toEqual([])
  })

  it("the agent has the terminal: echo, size and its changes, Ctrl-C; at its end its code, and how to resume", async () => {
    const slug = await launched("start sheller")
    terminal.line("stty size; test -t 0 && test -t 1 && echo a-tty")
    expect(await terminal.shows(/^a-tty$/m)).toMatch(/^40 100$/m)
    terminal.resize(90, 30)
    await expect
      .poll(
        () => {
          terminal.line("clear; stty size")
          return terminal.screen()
        },
        { interval: 500 },
      )
      .toMatch(/^30 90$/m)
    terminal.line("clear; echo asleep; sleep 60")
    await terminal.shows(/^asleep$/m)
    terminal.keys("C-c")
    terminal.line("echo after $?")
    await terminal.shows(/^after 130$/m)
    expect(await list()).toMatchObject([{ slug, state: "running" }])
    terminal.line("echo kept >note; clear; exit 3")
    expect(await terminal.shows(/code=3/)).toMatch(new RegExp(`"bot-bottle resume ${slug}" continues it`))
    expect(await list()).toMatchObject([{ slug, state: "exited", exit: { code: 3 } }])

    expect(await launched(`resume ${slug}`)).toBe(slug)
    terminal.line("clear; cat note; exit")
    expect(await terminal.shows(/code=0/)).toMatch(/^kept$/m)
  })

  it("an agent is left at work by the detach keys, and come back to; its shell beside it is as shut in", async () => {
    const slug = await launched("start sheller --label left")
    terminal.line("mark=here")
    terminal.keys("C-p", "C-q")
    expect(await terminal.shows(/code=0/)).toMatch(/detached: "bot-bottle attach/)
    expect(await list()).toMatchObject([{ slug, state: "running" }])

    command(`shell ${slug}`)
    await terminal.shows(/\/workspace \$/)
    terminal.line(
      "clear; id -u; grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status; ls /sys/class/net; echo $BOT_BOTTLE_SLUG.",
    )
    const shut = await terminal.shows(new RegExp(`^${slug}\\.$`, "m"))
    expect(shut).toMatch(/^1000$/m)
    expect(shut).toMatch(/^CapEff:\s+0+$/m)
    expect(shut).toMatch(/^CapBnd:\s+0+$/m)
    expect(shut).toMatch(/^NoNewPrivs:\s+1$/m)
    expect(shut).toMatch(/^Seccomp:\s+2$/m)
    expect(shut).toMatch(/^lo$/m)
    terminal.line("exit 5")
    await terminal.shows(/code=5/)

    command(`attach ${slug}`)
    await terminal.shows(/\/workspace \$/)
    terminal.line('clear; echo "mark $mark"')
    await terminal.shows(/^mark here$/m)
    // An interactive shell is deaf to TERM.
    terminal.line("clear; echo asleep; exec sleep 60")
    await terminal.shows(/^asleep$/m)
    expect((await cli.run(["stop", slug])).code).toBe(0)
    expect(await terminal.shows(/code=1\d\d/)).toMatch(/the agent has ended/)
    command(`attach ${slug}`)
    expect(await terminal.shows(/code=2/)).toMatch(/does not run \(exited\).*resume/)
  })

  it("a terminal that is closed at the question leaves nothing", async () => {
    command("start worker --label unasked")
    await terminal.shows(/Launch this bottle\?/)
    terminal.close()
    await expect.poll(() => processesWith("unasked")).toEqual([])
    expect(await list()).toEqual([])
  })

  it("limits are kept of an agent that is left at work, and of one whose terminal is closed", async () => {
    cli.write("bottles/timed.yaml", `image: ${await demoImageForTests()}\nlimits: { timeout: 25 seconds }\n`)
    cli.write("agents/timed.md", shellAgent("exec sh -i", "timed"))
    const left = await launched("start timed")
    terminal.keys("C-p", "C-q")
    expect(await terminal.shows(/code=0/)).toMatch(/its limits are enforced by process \d+[\s\S]*detached/)
    const closed = await launched("start timed --label closed")
    terminal.close()
    const states = async () => (await list()).map(({ slug, state }) => [slug, state])
    expect(await states()).toEqual([
      [left, expect.stringMatching(/running|exited/)],
      [closed, "running"],
    ])
    await expect.poll(states, { interval: 1000 }).toEqual([
      [left, "exited"],
      [closed, "exited"],
    ])
    const watchers = () => [left, closed].flatMap((slug) => processesWith(`watch\0${slug}`))
    await expect.poll(watchers).toEqual([])
    expect([left, closed].flatMap((slug) => sidecarsOf(cli, slug))).toEqual([])
  })

  it("Ctrl-C is the agent's on the host too, where it is a plain process", async () => {
    cli.write("bottles/open.yaml", "backend: host\n")
    cli.write(
      "agents/unboxed.md",
      shellAgent(`trap 'echo caught' INT; echo up; sleep 60; echo going; sleep 60; exit 7`, "open"),
    )
    command("start unboxed --yes")
    await terminal.shows(/^up$/m)
    terminal.keys("C-c")
    await terminal.shows(/caught[\s\S]*going/)
    // One that comes before the second sleep has begun is only caught; one that comes after the end is the shell's.
    const pressed = () => (terminal.keys("C-c"), terminal.screen())
    await expect.poll(pressed, { interval: 2000 }).toMatch(/the agent has ended/)
    await terminal.shows(/ended with 7|code=7/)
  })

  it("without an agent named, agent and bottles are chosen from lists; Ctrl-C chooses nothing", async () => {
    command("start")
    expect(await terminal.shows(/Which agent\?/)).toMatch(/sheller[\s\S]*worker/)
    terminal.keys("C-c")
    await terminal.shows(/code=126/)

    command("start")
    await terminal.shows(/Which agent\?/)
    terminal.keys("Enter")
    await terminal.shows(/Which bottles\?[\s\S]*other[\s\S]*plain/)
    terminal.keys("Enter")
    await terminal.shows(/Launch this bottle\?/)
    terminal.keys("y")
    await terminal.shows(/\/workspace \$/)
    terminal.line("clear; exit")
    await terminal.shows(/code=0/)
  })

  it("attach follows an agent without a terminal, and Ctrl-C leaves it running; once it has ended a shell is refused", async () => {
    const running = cli.start(["start", "worker", "--headless", "--prompt", "x"])
    await expect.poll(running.stdout).toContain("asleep")
    const slug = /^bottle (\S+)$/m.exec(running.stderr())?.[1] ?? ""
    command(`attach ${slug}`)
    await terminal.shows(/is headless/)
    terminal.keys("C-c")
    await terminal.shows(/^ready> (\^C)?\s*$/m)
    expect(await list()).toMatchObject([{ slug, state: "running" }])
    command(`logs ${slug} --follow`)
    await terminal.shows(/^asleep$/m)
    expect(await list()).toMatchObject([{ slug, state: "running" }])
    await cli.run(["stop", slug])
    await running.result
    await terminal.shows(/asleep[\s\S]*code=0/)
    command(`shell ${slug}`)
    expect(await terminal.shows(/code=2/)).toMatch(/does not run/)
  })

  it("text of an agent reaches the screen without its control characters", async () => {
    cli.write("agents/rude.md", shellAgent(`printf 'clear\\033[2Jtitle\\033]0;owned\\007end\\n'`))
    command("start rude --headless --prompt x")
    expect(await terminal.shows(/code=0/)).toContain("clear␛[2Jtitle␛]0;owned␇end")
  })
})
