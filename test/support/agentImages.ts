/** Images with a real agent in it: the version that `images/` names, from npm, on this machine's node and libraries. */
import { Effect } from "effect"
import { execFile } from "node:child_process"
import { randomUUID } from "node:crypto"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { IMAGE_CHANGES } from "../../src/layers/docker/demoImage.ts"
import { AGENT_UID, imageTar, librariesOf, shell } from "../../src/layers/docker/hostImage.ts"
import * as NodeProcessRunner from "../../src/layers/process/NodeProcessRunner.ts"
import { ProcessRunner } from "../../src/services/ProcessRunner.ts"

/** An agent that comes from npm. */
export type NpmAgent = "claude" | "codex" | "pi"

/** The package and version that the Dockerfile of an agent installs, such as `pi@1.2.3`. */
export const pinnedPackage = (agent: NpmAgent): string => {
  const dockerfile = readFileSync(new URL(`../../images/${agent}/Dockerfile`, import.meta.url), "utf8")
  return /npm install --global (\S+@\d+\.\d+\.\d+)\b/.exec(dockerfile)?.[1] ?? "no-package"
}

/** Makes the image and answers its reference; the caller removes it. */
export const makeAgentImage = (agent: NpmAgent): Promise<string> =>
  Effect.gen(function* () {
    const runner = yield* ProcessRunner
    const prefix = yield* Effect.promise(() => installed(pinnedPackage(agent)))
    const base = yield* shell
    const files = neededFiles(prefix)
    const programs = new Map([
      ...base.programs,
      ["/usr/local/bin/node", process.execPath] as const,
      // claude runs commands in bash or zsh only.
      ["/bin/bash", "/bin/bash"] as const,
      ...files.map((file) => [join("/opt/agent", file), join(prefix, file)] as const),
    ])
    const linked = [
      ...base.programs.values(),
      "/bin/bash",
      process.execPath,
      ...files.flatMap(native(prefix)),
    ]
    const libraries = new Set((yield* Effect.forEach(linked, librariesOf)).flat())
    const links = new Map([
      ...base.links,
      [`/usr/local/bin/${agent}`, `/opt/agent/${binOf(prefix, agent)}`] as const,
      ["/usr/bin/env", "/bin/env"] as const,
    ])
    const reference = `bot-bottle-test/${agent}:${randomUUID()}`
    const changes = [...IMAGE_CHANGES, `USER ${AGENT_UID}:${AGENT_UID}`].flatMap((line) => ["--change", line])
    const made = yield* runner.run({
      command: "docker",
      args: ["import", ...changes, "-", reference],
      stdin: imageTar({ programs, links, libraries, files: [] }),
    })
    return made.exitCode === 0 ? reference : yield* Effect.die(made.stderr)
  }).pipe(Effect.provide(NodeProcessRunner.layer), Effect.runPromise)

/** Installs a package once on this machine; whoever comes first, the others use what is there. */
const installed = async (name: string): Promise<string> => {
  const root = join(tmpdir(), "bot-bottle-test-agents")
  const prefix = join(root, name.replaceAll(/[^a-z0-9.]+/gi, "-"))
  if (existsSync(prefix)) return prefix
  mkdirSync(root, { recursive: true })
  const making = mkdtempSync(join(root, "making-"))
  const args = ["install", "--prefix", making, "--no-audit", "--no-fund", "--ignore-scripts", name]
  await promisify(execFile)("npm", args, { timeout: 300_000 })
  try {
    renameSync(making, prefix)
  } catch {
    rmSync(making, { recursive: true, force: true })
  }
  return prefix
}

/** What an agent can do without here. */
const UNNEEDED = /\.(?:md|map|d\.[cm]?ts)$|\/(?:docs|examples|test|tests)\/|\/codex-resources\/|\/\.bin\//

const neededFiles = (prefix: string): ReadonlyArray<string> =>
  readdirSync(join(prefix, "node_modules"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(prefix.length + 1))
    .filter((file) => !UNNEEDED.test(file))

/** A program that is no script may need libraries. */
const native = (prefix: string) => (file: string) =>
  /\/bin\/codex$|\/claude$|\.node$/.test(file) ? [join(prefix, file)] : []

/** claude's own `bin` is put in place by an install script: here it is the program of this platform. */
const binOf = (prefix: string, agent: NpmAgent): string => {
  const name = pinnedPackage(agent).replace(/@[^@]*$/, "")
  if (agent === "claude") return `node_modules/${name}-linux-${process.arch}/claude`
  const manifest = JSON.parse(readFileSync(join(prefix, "node_modules", name, "package.json"), "utf8"))
  return join("node_modules", name, manifest.bin[agent])
}
