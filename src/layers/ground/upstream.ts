/** The upstream of a ground: its own repository on the simulated forge, with commits that a bottle may or may not push. */
import { Effect } from "effect"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import type { GitPush } from "../../domain/probes/ProbeGround.ts"
import { type GitRun, gitSpec } from "../../domain/HardenedGit.ts"
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

const WORKFLOW = ".gitea/workflows/build.yaml"

/**
 * Creates `main` in the bare repository at `directory` from a working tree at `work`. Returns the commits that may be pushed on top,
 * and those that must not. `other` is an issue that is not the run's.
 */
export const fillUpstream = Effect.fn("ProvingGround.upstream")(function* (
  directory: string,
  work: string,
  other: number,
) {
  mkdirSync(work, { recursive: true })
  const git = (args: ReadonlyArray<string>, stdin?: string) => runGit({ cwd: work }, args, stdin)
  yield* git(["init", "--quiet", "--template=", "-b", "main"])
  const commit = Effect.fnUntraced(function* (path: string, content: string, message = `Adds ${path}`) {
    mkdirSync(dirname(join(work, path)), { recursive: true })
    writeFileSync(join(work, path), content)
    yield* git(["add", "--all"])
    yield* git(["commit", "--quiet", "-m", message])
    return yield* git(["rev-parse", "HEAD"])
  })
  yield* commit("README.md", "cellar\n")
  const old = yield* commit(WORKFLOW, "on: pull_request_target\n")
  const head = yield* commit(WORKFLOW, "on: pull_request\n")
  yield* git(["push", "--quiet", directory, "main"])
  const packed = Effect.fnUntraced(function* (made: string) {
    const name = yield* git(["pack-objects", "--quiet", "--revs", "pushed"], `${made}\n^${head}\n`)
    const push: GitPush = { commit: made, pack: readFileSync(join(work, `pushed-${name}.pack`)) }
    return push
  })
  const on = Effect.fnUntraced(function* (path: string, content: string, message?: string) {
    yield* git(["checkout", "--quiet", "--detach", head])
    return yield* packed(yield* commit(path, content, message))
  })
  return {
    head,
    old,
    good: yield* on("notes.txt", "the door stands open\n"),
    bad: yield* on(WORKFLOW, "on: push\n"),
    undone: yield* packed(
      yield* git(["commit-tree", "-p", head, "-p", old, "-m", "Merges", `${old}^{tree}`]),
    ),
    closing: yield* on("more.txt", "more\n", `Adds more\n\nCloses #${other}`),
    bomb: yield* packed(yield* git(["commit-tree", "-p", head, "-m", "Adds paths", yield* treeBomb(git)])),
  }
})

const [WIDTH, DEPTH] = [16, 8]

/** A tree whose entries all refer to one tree, and so on: 16 to the power of 8 paths. */
const treeBomb = Effect.fnUntraced(function* <E, R>(
  git: (args: ReadonlyArray<string>, stdin?: string) => Effect.Effect<string, E, R>,
) {
  const treeOf = (entry: string) =>
    git(["mktree"], Array.from({ length: WIDTH }, (_, at) => `${entry}\t${at}\n`).join(""))
  let tree = yield* treeOf(`100644 blob ${yield* git(["hash-object", "-w", "--stdin"], "path\n")}`)
  for (let depth = 1; depth < DEPTH; depth += 1) tree = yield* treeOf(`040000 tree ${tree}`)
  return tree
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
