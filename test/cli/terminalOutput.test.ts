/** What strangers' text does to a terminal: every path that prints, on a real pty. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest"
import { bin, makeCli, shellAgent } from "../support/cli.ts"
import { describePty, openTerminal } from "../support/terminal.ts"
import type { Terminal } from "../support/terminal.ts"
import { gitIn } from "../support/traps.ts"

const cli = makeCli()
let terminal: Terminal

/** A title, a cleared screen, C1, a changed order, and characters that are not shown. */
const EVIL = "x\u001b]0;owned\u0007\u001b[2J\u009b2J\u0085\u202e\u200b\u{e0041}y"

/** What a terminal gets that it would obey, or that would not be seen. */
const obeyed = (text: string) => text.match(/(?![\r\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu) ?? []

/** Of @effect/cli. */
const COLOURS = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]+m`, "g")

/** What a command writes to the terminal; it prints its exit code at its end. */
const written = async (args: string): Promise<string> => {
  const before = terminal.written().length
  terminal.line(`bot-bottle ${args}; echo "co""de=$?"`)
  await expect.poll(() => terminal.written().slice(before)).toMatch(/code=\d+\r\n/)
  return terminal.written().slice(before)
}

describePty("text of strangers on a terminal", () => {
  const repo = join(cli.cwd, "repo")
  const root = join(cli.cwd, "linked")
  beforeAll(() => {
    cli.write("bottles/none.yaml", "backend: host\n")
    cli.write("evil.txt", EVIL)
    cli.write(
      "agents/rude.md",
      shellAgent(`cat ${join(cli.home, "evil.txt")}; cat ${join(cli.home, "evil.txt")} >&2`, "none"),
    )
    for (const folder of [repo, root]) {
      mkdirSync(folder)
      gitIn(folder)("init", "-q")
    }
    writeFileSync(join(repo, EVIL.replaceAll("/", "")), "")
    symlinkSync("/etc/passwd", join(root, EVIL))
  })
  beforeEach(() => {
    terminal = openTerminal(cli.cwd, { BOT_BOTTLE_HOME: cli.home, HOME: cli.cwd })
    terminal.line(`alias bot-bottle="${process.execPath} ${bin}"`)
  })
  afterEach(() => terminal.close())
  afterAll(async () => {
    for (const { slug } of JSON.parse((await cli.run(["list", "--json"])).stdout))
      await cli.run(["destroy", slug])
    cli.remove()
  })

  it("is harmless in an error that quotes it, as text and as JSON, on stdout and stderr", async () => {
    terminal.line(`cd ${root}`)
    for (const more of ["", "--json", "2>/dev/null --json"]) {
      const shown = await written(`start rude --headless --prompt x --copy-cwd ${more}`)
      expect(shown).toContain("leaves the working directory")
      expect(shown).toContain("code=2")
      expect(obeyed(shown)).toEqual([])
    }
  })

  it("is harmless as a file's name in a plan, in --json too", async () => {
    terminal.line(`cd ${repo}`)
    for (const more of ["", "--json"]) {
      const shown = await written(`start rude --headless --prompt x --copy-cwd --dry-run ${more}`)
      expect(shown).toContain("owned")
      expect(shown).toContain("code=0")
      expect(obeyed(shown)).toEqual([])
    }
  })

  it("is harmless as an agent's output, live, in its log and as JSON; only --raw passes it", async () => {
    for (const args of ["start rude --headless --prompt x", "start rude --headless --prompt x --json"]) {
      const shown = await written(args)
      expect(shown).toContain("owned")
      expect(obeyed(shown)).toEqual([])
    }
    const [{ slug }] = JSON.parse((await cli.run(["list", "--json"])).stdout)
    expect(obeyed(await written(`logs ${slug}`))).toEqual([])
    expect(obeyed(await written(`logs ${slug} --raw`))).toContain("\u001b")
  })

  it("is harmless in what was typed, as a shell types a file's name", async () => {
    terminal.line(`evil=$(cat ${join(cli.home, "evil.txt")})`)
    for (const args of [`logs "$evil"`, `start --"$evil"`]) {
      const shown = await written(args)
      expect(shown).toContain("owned")
      expect(obeyed(shown.replaceAll(COLOURS, ""))).toEqual([])
    }
  })

  it("does not cost what is printed its own colours", async () => {
    expect(await written("")).toContain("\u001b[1mUsage:\u001b[22m")
    expect(await written("start --help")).toContain("\u001b[1mOptions:\u001b[22m")
  })
})
