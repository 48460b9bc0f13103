/** Runs the bundled bin as an operator would, with a home of its own. */
import { spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"

/** The bundled bin. */
export const bin = new URL("../../dist/bin/bot-bottle.cjs", import.meta.url).pathname

export interface CliResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface Cli {
  readonly home: string
  readonly cwd: string
  /** Writes a file below the home. */
  readonly write: (path: string, content: string) => void
  readonly run: (args: ReadonlyArray<string>, options?: CliOptions) => Promise<CliResult>
  /** Starts a command; `child` is yours to signal. */
  readonly start: (
    args: ReadonlyArray<string>,
    options?: CliOptions,
  ) => {
    readonly child: ReturnType<typeof spawn>
    readonly result: Promise<CliResult>
    readonly stderr: () => string
    readonly stdout: () => string
  }
  readonly remove: () => void
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly input?: string
  /** Another bin than the product's. */
  readonly bin?: string
}

/** A home in a temporary directory. */
export const makeCli = (): Cli => {
  const root = mkdtempSync(join(tmpdir(), "bb-cli-"))
  const home = join(root, "home")
  const cwd = join(root, "cwd")
  mkdirSync(cwd)
  const start: Cli["start"] = (args, options = {}) => {
    const child = spawn(process.execPath, [options.bin ?? bin, ...args], {
      cwd: options.cwd ?? cwd,
      env: { PATH: process.env["PATH"] ?? "", HOME: root, BOT_BOTTLE_HOME: home, ...options.env },
      stdio: ["pipe", "pipe", "pipe"],
    })
    let stdout = ""
    let stderr = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text))
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text))
    child.stdin.on("error", () => {})
    child.stdin.end(options.input ?? "")
    const result = new Promise<CliResult>((resolve) => {
      child.once("close", (code, signal) =>
        resolve({ code: code ?? (signal === "SIGKILL" ? 137 : 143), stdout, stderr }),
      )
    })
    return { child, result, stdout: () => stdout, stderr: () => stderr }
  }
  return {
    home,
    cwd,
    write: (path, content) => {
      const file = join(home, path)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, content)
    },
    start,
    run: (args, options) => start(args, options).result,
    remove: () => rmSync(root, { recursive: true, force: true }),
  }
}

/** An agent manifest that runs a shell script. */
export const shellAgent = (script: string, bottle = "plain"): string =>
  `---\nprovider: command\nbottle: ${bottle}\ncommand: ${JSON.stringify(["sh", "-c", script])}\n---\n`
