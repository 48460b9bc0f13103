/** Progress on a terminal, and the steps of a command under `--log-level debug`. */
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { afterAll, expect, it } from "vitest"
import { bin, makeCli, shellAgent } from "../support/cli.ts"
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

const ERASE = "\r\u001b[K"

/** What is not in the copy: caches that another process may be writing, and what makes the snapshot, which would start without delay. */
const LEFT_OUT = /\.(v8|blob|part|\d+)$|snapshot\.cjs$/

/** A copy of the package whose sidecars take their time to begin. */
const slowPackage = (): string => {
  const root = mkdtempSync(join(cli.home, "..", "package-"))
  const ours = new URL("../..", import.meta.url).pathname
  copyFileSync(join(ours, "package.json"), join(root, "package.json"))
  for (const name of ["bottle", "node_modules"]) symlinkSync(join(ours, name), join(root, name))
  cpSync(join(bin, ".."), join(root, "dist", "bin"), {
    recursive: true,
    filter: (source) => !LEFT_OUT.test(source),
  })
  const sidecar = join(root, "dist", "bin", "sidecar.cjs")
  renameSync(sidecar, sidecar.replace(".cjs", ".slow.cjs"))
  writeFileSync(sidecar, `setTimeout(() => require("./sidecar.slow.cjs"), 1500)\n`)
  return join(root, "dist", "bin", "bot-bottle.cjs")
}

describePty("progress, and an agent on the same terminal", () => {
  it("never share a line: the progress is erased before the agent's first byte, however the agent is started", async () => {
    cli.write("bottles/open.yaml", "backend: host\n")
    cli.write("agents/unboxed.md", shellAgent("echo up; printf down", "open"))
    const slow = slowPackage()
    const terminal = openTerminal(cli.cwd, { ...env, PS1: "ready> " })
    const command = async (args: string) => {
      const before = terminal.written().length
      terminal.line(`clear; '${process.execPath}' '${slow}' ${args}; echo "co""de=$?"`)
      await expect.poll(() => terminal.written().slice(before)).toMatch(/code=0\r\n/)
      const written = terminal.written().slice(before)
      expect(written).toMatch(/starting the sidecar \.\.\. \d+ s/)
      // Each line that the progress was on is erased before anything else is on it.
      const left = written.replaceAll(ERASE, "<").replaceAll(/starting the sidecar \.\.\. \d+ s</g, "")
      expect(left).not.toContain("sidecar")
      return written
    }
    try {
      await terminal.shows(/ready> /)
      const first = await command("start unboxed --yes")
      expect(first).toMatch(/up\r\ndown/)
      const slug = /bottle (unboxed-[a-z0-9]{5});/.exec(first)?.[1] ?? ""
      expect(await command(`resume ${slug} --yes`)).toMatch(/up\r\ndown/)
      expect(await command("start unboxed --headless --prompt x")).toMatch(/up\r\ndown/)
      const detached = await command("start unboxed --headless --prompt x --detach")
      expect(detached.replaceAll(ERASE, "\n")).toMatch(/^unboxed-[a-z0-9-]+\r$/m)
    } finally {
      terminal.close()
      const slugs = (await cli.run(["list", "-q"])).stdout.split("\n").filter((slug) => slug !== "")
      if (slugs.length > 0) await cli.run(["destroy", ...slugs])
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
