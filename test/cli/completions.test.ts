/** Completion in real shells on a terminal, and what is offered at each place of a line. */
import { spawnSync } from "node:child_process"
import { chmodSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { ARGUMENT_VALUES, OPTION_VALUES, completionOf } from "../../src/cli/line/complete.ts"
import { GLOBALS } from "../../src/cli/line/globals.ts"
import { type CommandInfo, isForPeople } from "../../src/cli/line/tree.ts"
import { tree } from "../../src/cli/root.ts"
import { bin, makeCli, shellAgent } from "../support/cli.ts"
import { describePty, openTerminal } from "../support/terminal.ts"

const cli = makeCli()
const folder = join(cli.home, "..", "bin")
let slug = ""
beforeAll(async () => {
  cli.write("bottles/plain.yaml", "backend: host\n")
  cli.write("agents/talker.md", shellAgent("true"))
  cli.write("agents/$(touch pwned).md", shellAgent("true"))
  const { stderr } = await cli.run(["start", "talker", "--headless", "--prompt", "x", "--label", "fix-login"])
  slug = /^bottle (\S+)$/m.exec(stderr)?.[1] ?? "none"
  mkdirSync(folder)
  writeFileSync(join(folder, "bot-bottle"), `#!/bin/sh\nexec '${process.execPath}' '${bin}' "$@"\n`)
  chmodSync(join(folder, "bot-bottle"), 0o755)
  writeFileSync(join(cli.cwd, "notes of today.md"), "")
  for (const shell of ["bash", "zsh", "fish"]) {
    writeFileSync(join(folder, shell), (await cli.run(["--completions", shell])).stdout)
  }
})
afterAll(async () => {
  await cli.run(["destroy", slug])
  cli.remove()
})

/** How each shell is started without the machine's own files, and loads the script. */
const SHELLS = {
  bash: `PS1='$ ' bash --norc --noprofile`,
  zsh: `PS1='$ ' zsh -f`,
  fish: "fish --no-config",
}
const LOADING = {
  bash: `. ../bin/bash`,
  zsh: `autoload -U compinit && compinit -u -D && . ../bin/zsh`,
  fish: `function fish_prompt; echo '$ '; end; . ../bin/fish`,
}

for (const shell of ["bash", "zsh", "fish"] as const) {
  const isThere = spawnSync(shell, ["--version"]).status === 0
  if (!isThere && process.env["CI_REQUIRE_DOCKER"] !== "1") {
    process.stderr.write(`\n*** NO ${shell}: its completion is NOT tested here ***\n\n`)
    continue
  }
  describePty(`completion in ${shell}`, () => {
    it("inserts commands, slugs, agents, backends, enum values and file names, and runs nothing of a name", async () => {
      const terminal = openTerminal(cli.cwd, {
        HOME: join(cli.home, ".."),
        BOT_BOTTLE_HOME: cli.home,
        PATH: `${folder}:${process.env["PATH"]}`,
      })
      const completes = async (typed: string, shown: string) => {
        terminal.keys("-l", `bot-bottle ${typed}`)
        terminal.keys("Tab")
        await terminal.shows(new RegExp(`^\\$ bot-bottle ${shown}$`, "m"))
        terminal.keys("C-c")
        // What is typed before the shell has handled it may stay on the old line.
        await terminal.shows(/\n\$\s*$/)
        terminal.line("clear")
        await terminal.shows(/^\$\s*$/)
      }
      try {
        await terminal.shows(/ready> /)
        terminal.line(SHELLS[shell])
        terminal.line(`${LOADING[shell]}; clear`)
        await terminal.shows(/^\$\s*$/)
        await completes("freez", "freeze ")
        await completes("stop fix", `stop ${slug} `)
        await completes("start ta", "start talker ")
        await completes("start talker --backend=ho", "start talker --backend=host ")
        await completes("start talker --pull mi", "start talker --pull missing ")
        await completes("cp fix", `cp ${slug}:`)
        await completes(
          "start talker --prompt-file no",
          String.raw`start talker --prompt-file ['"]?notes\\? of\\? today.md['"]? ?`,
        )
        // All agents are listed, and a name with commands of the shell is none.
        terminal.keys("-l", "bot-bottle start ")
        terminal.keys("Tab", "Tab")
        expect(await terminal.shows(/talker/)).not.toContain("touch")
        terminal.keys("C-c")
        expect(terminal.screen()).not.toContain("pwned")
      } finally {
        terminal.close()
      }
    })
  })
}

/** The answer to a completion script: flags and words. */
const asked = async (...words: ReadonlyArray<string>) => {
  const { stdout, stderr, code } = await cli.run(["__complete", ...words])
  expect([stderr, code]).toEqual(["", 0])
  const [flags = "", ...lines] = stdout.split("\n").slice(0, -1)
  return [flags, ...lines.map((line) => line.split("\t")[0])]
}

describe("what is offered", () => {
  it("are the slugs and manifests of the home; without a home nothing, and none is made", async () => {
    expect(await asked("start", "talker", "--bottle", "")).toEqual(["", "plain"])
    expect(await asked("start", "")).toEqual(["", "talker"])
    expect(await asked("stop", slug, "")).toEqual([""])
    expect(await asked("orchestrate", "resume", "--slug", "")).toEqual(["", slug])
    const empty = makeCli()
    for (const words of [
      ["stop", ""],
      ["start", ""],
      ["orchestrate", "retry", ""],
    ]) {
      expect(await empty.run(["__complete", ...words])).toEqual({ code: 0, stdout: "\n", stderr: "" })
    }
    expect((await empty.run(["list", "--json"])).stdout).toBe("[]\n")
    empty.remove()
  })

  const offered = (...words: ReadonlyArray<string>) => {
    const { offers, ask, paths } = completionOf(tree, words, ["slug", "state", "started"])
    return ask ?? paths ?? offers.map(([word]) => word)
  }

  it("fits the place: commands, options that are not given yet, choices, columns, files", () => {
    expect(offered("st")).toEqual(["start", "stop"])
    expect(offered("orchestrate", "st")).toEqual(["status", "start"])
    expect(offered("r")).toEqual(["resume", "requests", "restore", "rm"])
    expect(offered("start", "--co")).toEqual(["--color", "--copy-cwd", "--completions"])
    expect(offered("start", "--copy-cwd", "--co")).toEqual(["--color", "--completions"])
    expect(offered("start", "--bottle", "a", "--bo")).toEqual(["--bottle"])
    expect(offered("start", "--color", "bl")).toEqual(["blue"])
    expect(offered("list", "--log-level", "de")).toEqual(["debug"])
    expect(offered("list", "--format", "slug,sta")).toEqual(["slug,state", "slug,started"])
    expect(offered("list", "--format=state,s")).toEqual(["--format=state,slug", "--format=state,started"])
    expect(offered("--completions", "")).toEqual(["bash", "zsh", "fish", "sh"])
    expect(offered("help", "provenance", "")).toEqual(["show", "verify", "export", "key", "rotate"])
    expect(offered("rm", "")).toBe("slugs")
    expect(offered("trust", "")).toBe("directories")
    expect(offered("cp", "a:b", "")).toBe("files")
    expect(offered("cp", "a:b")).toEqual([])
    expect(offered("start", "--prompt", "")).toEqual([])
    expect(offered("start", "talker", "")).toEqual([])
    expect(offered("start", "--", "--pu")).toBe("agents")
    expect(offered("frobnicate", "")).not.toContain("sidecar")
  })

  it("is decided for each option and argument that there is", () => {
    const all = (command: CommandInfo): ReadonlyArray<CommandInfo> => [
      command,
      ...command.children.flatMap(all),
    ]
    const commands = all(tree).filter(isForPeople)
    const free = [...commands.flatMap(({ options }) => options), ...GLOBALS].filter(
      ({ value, choices, isInteger }) => value !== undefined && choices === undefined && !isInteger,
    )
    expect(free.map(({ names }) => names[0]).filter((name) => OPTION_VALUES[name] === undefined)).toEqual([])
    const names = commands.flatMap((command) => command.arguments.map(({ name }) => name))
    expect(names.filter((name) => ARGUMENT_VALUES[name] === undefined)).toEqual([])
  })
})
