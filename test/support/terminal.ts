/** A real terminal for tests: tmux with a server of its own, whose screen is read and whose keys are pressed. */
import { execFileSync, spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { describe, expect, it } from "vitest"
import { dockerAvailable } from "./docker.ts"

/** Whether this machine has tmux. */
const tmuxAvailable = spawnSync("tmux", ["-V"]).status === 0
const required = process.env["CI_REQUIRE_DOCKER"] === "1"

/** `describe` for tests on a terminal with a real engine. */
export const describeTerminal = (name: string, tests: () => void): void => {
  if (dockerAvailable && tmuxAvailable) return void describe(name, tests)
  if (required)
    return void describe(name, () => it("has tmux and docker", () => expect.fail("one is missing")))
  process.stderr.write("\n*** NO TMUX OR NO DOCKER ENGINE: the tests in a terminal are SKIPPED here ***\n\n")
  describe.skip(name, tests)
}

/** `describe` for tests on a terminal that need no engine. */
export const describePty = (name: string, tests: () => void): void => {
  if (tmuxAvailable) return void describe(name, tests)
  if (required) return void describe(name, () => it("has tmux", () => expect.fail("it is missing")))
  process.stderr.write("\n*** NO TMUX: the tests in a terminal are SKIPPED here ***\n\n")
  describe.skip(name, tests)
}

/** A terminal with a shell in it. */
export interface Terminal {
  /** Types a line and presses enter. */
  readonly line: (text: string) => void
  /** Presses keys by tmux's names: `C-c`, `Down`, `Enter`, ... */
  readonly keys: (...names: ReadonlyArray<string>) => void
  readonly resize: (columns: number, rows: number) => void
  readonly screen: () => string
  /** All that was written to it since it was opened, as it came. */
  readonly written: () => string
  /** Waits until the screen matches, and answers it. */
  readonly shows: (pattern: RegExp) => Promise<string>
  readonly close: () => void
}

let counter = 0

/** Opens a terminal of 100 columns and 40 rows. */
export const openTerminal = (cwd: string, env: Readonly<Record<string, string>>): Terminal => {
  const server = `bb-${process.pid}-${++counter}`
  const tmux = (...args: ReadonlyArray<string>) =>
    execFileSync("tmux", ["-L", server, "-f", "/dev/null", ...args], {
      cwd,
      encoding: "utf8",
      env: { PATH: process.env["PATH"] ?? "", TERM: "xterm-256color", LANG: "C.UTF-8", ...env },
    })
  tmux("-u", "new-session", "-d", "-s", "t", "-x", "100", "-y", "40", "PS1='ready> ' exec sh")
  const log = join(mkdtempSync(join(tmpdir(), "bb-terminal-")), "log")
  writeFileSync(log, "")
  tmux("pipe-pane", "-t", "t", `cat >>'${log}'`)
  const screen = () => tmux("capture-pane", "-p", "-J", "-t", "t")
  return {
    line: (text) => tmux("send-keys", "-t", "t", "-l", text) + tmux("send-keys", "-t", "t", "Enter"),
    keys: (...names) => tmux("send-keys", "-t", "t", ...names),
    resize: (columns, rows) => tmux("resize-window", "-t", "t", "-x", `${columns}`, "-y", `${rows}`),
    screen,
    written: () => readFileSync(log, "utf8"),
    shows: async (pattern) => {
      let seen = ""
      await expect.poll(() => (seen = screen()), { interval: 100 }).toMatch(pattern)
      return seen
    },
    close: () => {
      spawnSync("tmux", ["-L", server, "kill-server"])
      rmSync(dirname(log), { recursive: true, force: true })
    },
  }
}
