/** The upstream of a ground: a repository of its own on the simulated forge, and commits that a bottle may push, or not. */
import { Effect } from "effect"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import type { GitPush } from "../../domain/ProbeGround.ts"
import { type GitRun, gitSpec } from "../../layers/git/hardened.ts"
import { ProcessRunner } from "../../services/ProcessRunner.ts"
import { GroundFailure } from "../../services/ProvingGround.ts"

const ENV = {
  GIT_AUTHOR_NAME: "ada",
  GIT_AUTHOR_EMAIL: "ada@example.com",
  GIT_COMMITTER_NAME: "ada",
  GIT_COMMITTER_EMAIL: "ada@example.com",
}

const runGit = Effect.fnUntraced(function* (
  place: Pick<GitRun, "cwd" | "directory">,
  args: ReadonlyArray<string>,
  stdin = "",
) {
  const runner = yield* ProcessRunner
  const made = yield* Effect.mapError(
    runner.run(gitSpec({ ...place, args, protocols: ["file"], env: ENV, stdin, timeoutMs: 60_000 })),
    ({ message }) => new GroundFailure({ reason: message }),
  )
  if (made.exitCode !== 0)
    return yield* new GroundFailure({ reason: `git ${args[0]}: ${made.stderr.trim()}` })
  return made.stdout.trim()
})

/** Fills the bare repository at `directory` with a `main`, from a working tree at `work`; answers what may be pushed on top. */
export const fillUpstream = Effect.fn("ProvingGround.upstream")(function* (directory: string, work: string) {
  mkdirSync(work, { recursive: true })
  const inWork = (args: ReadonlyArray<string>, stdin?: string) => runGit({ cwd: work }, args, stdin)
  yield* inWork(["init", "--quiet", "--template=", "-b", "main"])
  const commit = Effect.fnUntraced(function* (path: string, content: string) {
    mkdirSync(dirname(join(work, path)), { recursive: true })
    writeFileSync(join(work, path), content)
    yield* inWork(["add", "--all"])
    yield* inWork(["commit", "--quiet", "-m", `Adds ${path}`])
    return yield* inWork(["rev-parse", "HEAD"])
  })
  const head = yield* commit("README.md", "cellar\n")
  yield* inWork(["push", "--quiet", directory, "main"])
  const on = Effect.fnUntraced(function* (path: string, content: string) {
    yield* inWork(["checkout", "--quiet", "--detach", head])
    const made = yield* commit(path, content)
    const name = yield* inWork(["pack-objects", "--quiet", "--revs", "pushed"], `${made}\n^${head}\n`)
    const push: GitPush = { commit: made, pack: readFileSync(join(work, `pushed-${name}.pack`)) }
    return push
  })
  return {
    head,
    good: yield* on("notes.txt", "the door stands open\n"),
    bad: yield* on(".gitea/workflows/build.yaml", "on: push\n"),
  }
})

/** The refs of a bare repository, by name. */
export const refsOf = (directory: string) =>
  Effect.map(
    runGit({ directory }, ["for-each-ref", "--format=%(refname) %(objectname)"]),
    (text): Readonly<Record<string, string>> =>
      Object.fromEntries(
        text
          .split("\n")
          .filter((line) => line !== "")
          .map((line) => line.split(" ")),
      ),
  )
