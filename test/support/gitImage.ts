/** What an image needs for git over HTTP, taken from this machine. */
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { findProgram } from "../../src/layers/docker/hostImage.ts"

const TEMPLATE = "/usr/share/git-core/templates/description"

/** git, its helper for http, and no more: programs and links by their path in the image. */
export const gitPrograms: Effect.Effect<{
  readonly programs: ReadonlyMap<string, string>
  readonly links: ReadonlyMap<string, string>
}> = Effect.gen(function* () {
  const git = findProgram("git")
  const core = spawnSync("git", ["--exec-path"], { encoding: "utf8" }).stdout.trim()
  const helper = join(core, "git-remote-http")
  if (git === undefined || !existsSync(helper)) return yield* Effect.dieMessage("this machine has no git")
  return {
    programs: new Map([
      ["/usr/bin/git", git],
      [helper, helper],
      // Without any, each new repository begins with a warning.
      ...[TEMPLATE].filter((path) => existsSync(path)).map((path) => [path, path] as const),
    ]),
    links: new Map([[join(core, "git"), "/usr/bin/git"]]),
  }
})
