/** Programs of this machine, and a PATH that has only some of them. */
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, symlinkSync } from "node:fs"
import { join } from "node:path"

/** What can reach the neck from within a bottle. */
export const NECK_TOOLS = ["perl", "python3", "socat", "node"] as const

/** One of {@link NECK_TOOLS}. */
export type NeckTool = (typeof NECK_TOOLS)[number]

/** Real path of a program, past version managers' wrappers; undefined when this machine has none. */
export const realProgram = (name: string): string | undefined => {
  if (name === "node") return process.execPath
  const found = (process.env["PATH"] ?? "")
    .split(":")
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path))
  if (name !== "python3" || found === undefined) return found
  const asked = spawnSync(found, ["-c", "import sys; print(sys.executable)"]).stdout?.toString().trim()
  return asked || undefined
}

/** Makes a directory with links to these programs, for a PATH of its own. */
export const pathWith = (directory: string, programs: ReadonlyArray<string>): string => {
  mkdirSync(directory, { recursive: true })
  for (const name of programs) {
    const real = realProgram(name)
    if (real !== undefined) symlinkSync(real, join(directory, name))
  }
  return directory
}
