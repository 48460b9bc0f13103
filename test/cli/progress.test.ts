/** Progress on a terminal, and the steps of a command under `--log-level debug`. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, expect, it } from "vitest"
import { bin, makeCli } from "../support/cli.ts"
import { describePty, openTerminal } from "../support/terminal.ts"

const cli = makeCli()
afterAll(cli.remove)

const folder = join(cli.home, "..", "bin")
mkdirSync(folder)
// An engine that takes its time to fail.
writeFileSync(join(folder, "docker"), "#!/bin/sh\nsleep 3\nexit 1\n")
writeFileSync(join(folder, "podman"), "#!/bin/sh\nexit 1\n")
for (const name of ["docker", "podman"]) chmodSync(join(folder, name), 0o755)
const env = {
  HOME: join(cli.home, ".."),
  BOT_BOTTLE_HOME: cli.home,
  PATH: `${folder}:${process.env["PATH"]}`,
}

describePty("progress", () => {
  it("is one line on stderr that says for how long, and is gone at the end; --json and pipes have none", async () => {
    const terminal = openTerminal(cli.cwd, { ...env, PS1: "ready> " })
    const doctor = `'${process.execPath}' '${bin}' doctor`
    try {
      await terminal.shows(/ready> /)
      terminal.line(`clear; ${doctor}; echo ended`)
      await terminal.shows(/^checking this machine(: asking the engine)? \.\.\. [1-9] s$/m)
      const screen = await terminal.shows(/^ended$/m)
      expect(screen).toMatch(/^backend docker +MISSING/m)
      expect(screen).not.toContain("checking this machine")
      const before = terminal.written().length
      terminal.line(`clear; ${doctor} --json; ${doctor} 2>err | cat; echo ended twice`)
      await terminal.shows(/^ended twice$/m)
      expect(terminal.written().slice(before)).not.toContain("checking this machine")
    } finally {
      terminal.close()
    }
  })
})

it("--log-level debug shows the steps of a command and how long each took", async () => {
  for (const [args, step] of [
    [["list"], "BottleStore.all"],
    [["stop", "not-there"], "stop"],
    [["start", "not-there", "--headless", "--prompt", "x"], "prepareStart"],
  ] as const) {
    const { stderr } = await cli.run([...args, "--log-level", "debug"])
    const took = (name: string) => new RegExp(`^debug: at \\d\\.\\d{3} s: ${name} took \\d\\.\\d{3} s$`, "m")
    expect(stderr).toMatch(took(step))
    expect(stderr).toMatch(took(`bot-bottle ${args[0]}`))
    expect((await cli.run(args)).stderr).not.toContain("debug: ")
  }
})
