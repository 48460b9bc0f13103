/**
 * Decides what a bottle may see in an object store: what the upstream's branches and tags reach now. A store also has what they reached
 * before.
 */
import { Effect, Stream } from "effect"
import { gitSpec } from "../../domain/HardenedGit.ts"
import { GitFailure } from "./GitFailure.ts"
import type { GitContext, Repository } from "./Repository.ts"

/** Truncated output counts as hidden. */
const LIST_BYTES_MAX = 32 * 1024 * 1024

/** Which of these IDs the upstream shows this bottle. The others are treated as nonexistent. */
export const visible = Effect.fnUntraced(function* (
  { runner }: Pick<GitContext, "runner">,
  repository: Repository,
  ids: ReadonlyArray<string>,
): Effect.fn.Return<ReadonlySet<string>, GitFailure> {
  const { seen, others } = yield* look(repository, ids)
  // Most IDs are in a newest state: the whole history is only walked for the rest.
  for (const walk of [["--no-walk"], []]) {
    const rest = new Set(others.filter((id) => !seen.has(id)))
    if (rest.size === 0) break
    for (const id of yield* met(runner, repository, walk, rest)) seen.add(id)
  }
  return seen
})

/** The same for commits and ref targets only. */
export const visibleCommits = (
  repository: Repository,
  ids: ReadonlyArray<string>,
): Effect.Effect<ReadonlySet<string>, GitFailure> => Effect.map(look(repository, ids), ({ seen }) => seen)

const look = Effect.fnUntraced(function* (repository: Repository, ids: ReadonlyArray<string>) {
  const asked = [...new Set(ids)]
  if (asked.length === 0) return { seen: new Set<string>(), others: [] }
  const tips = yield* tipsOf(repository)
  const seen = new Set(asked.filter((id) => tips.has(id)))
  const kinds = yield* kindsOf(
    repository,
    asked.filter((id) => !seen.has(id)),
  )
  const commits = kinds.flatMap(({ id, type }) => (type === "commit" ? [id] : []))
  for (const id of yield* led(repository, commits)) seen.add(id)
  return { seen, others: kinds.flatMap(({ id, type }) => (type === "commit" ? [] : [id])) }
})

const tipsOf = (repository: Repository) =>
  repository
    .git({
      args: ["for-each-ref", "--format=%(objectname) %(*objectname)"],
      maxOutputBytes: LIST_BYTES_MAX,
    })
    .pipe(Effect.map(({ stdout }) => new Set(stdout.split(/\s+/))))

/** The IDs that exist at all. */
const kindsOf = (repository: Repository, ids: ReadonlyArray<string>) =>
  ids.length === 0
    ? Effect.succeed([])
    : Effect.map(
        repository.git({
          args: ["cat-file", "--batch-check=%(objectname) %(objecttype)"],
          stdin: ids.map((id) => `${id}\n`).join(""),
          maxOutputBytes: LIST_BYTES_MAX,
        }),
        ({ stdout }) =>
          stdout.split("\n").flatMap((line) => {
            const [id = "", type = "missing"] = line.split(" ")
            return type === "missing" ? [] : [{ id, type }]
          }),
      )

/** Commits that a ref points to. */
const led = (repository: Repository, commits: ReadonlyArray<string>) =>
  commits.length === 0
    ? Effect.succeed([])
    : repository
        .git({
          args: ["rev-list", "--stdin", "--not", "--all"],
          stdin: commits.map((id) => `${id}\n`).join(""),
          maxOutputBytes: LIST_BYTES_MAX,
        })
        .pipe(
          Effect.filterOrFail(
            ({ stdout }) => stdout.length < LIST_BYTES_MAX - 1024,
            () => new GitFailure({ reason: "too many commits to look at", remote: [] }),
          ),
          Effect.map(({ stdout }) => {
            const hidden = new Set(stdout.split("\n"))
            return commits.filter((id) => !hidden.has(id))
          }),
        )

/** The IDs that a walk from all refs reaches. */
const met = (
  runner: GitContext["runner"],
  { directory }: Repository,
  walk: ReadonlyArray<string>,
  ids: ReadonlySet<string>,
) =>
  Effect.gen(function* () {
    const { output, exit } = yield* runner.stream(
      gitSpec({ directory, args: ["rev-list", "--objects", "--no-object-names", ...walk, "--all"] }),
    )
    const found = new Set<string>()
    let cut = ""
    yield* output.pipe(
      Stream.filter(({ stream }) => stream === "stdout"),
      Stream.takeUntil(({ bytes }) => {
        const lines = `${cut}${Buffer.from(bytes).toString("latin1")}`.split("\n")
        cut = lines.pop() ?? ""
        for (const id of lines) if (ids.has(id)) found.add(id)
        return found.size === ids.size
      }),
      Stream.runDrain,
    )
    const isWhole = found.size === ids.size || (yield* exit).exitCode === 0
    return isWhole ? found : yield* new GitFailure({ reason: "git could not list what is there", remote: [] })
  }).pipe(
    Effect.scoped,
    Effect.catchTag("ProcessError", ({ message }) => new GitFailure({ reason: message, remote: [] })),
  )
