/** What a ref must contain at protected paths: the same as its base now, whatever commits lead to it. */
import { Effect, Option } from "effect"
import { protectedBy } from "../../domain/PushPolicy.ts"
import type { GitRun } from "../../domain/HardenedGit.ts"
import { eachRecord } from "./look.ts"
import { GitFailure } from "./GitFailure.ts"
import type { GitContext, Repository } from "./Repository.ts"

/** What a ref is compared with. */
export interface Base {
  /** Its name for the agent. */
  readonly name: string
  /** A commit, or the empty tree. */
  readonly id: string
}

/** Every repository knows the empty tree without storing it. */
const EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
/** An agent chooses the names, and only those at protected paths are kept. */
const NAMES_BYTES_MAX = 64 * 1024 * 1024

const failure = (reason: string) => new GitFailure({ reason, remote: [] })

/** The branch of that name, as of the last request to the upstream. */
export const branchBase = ({ git }: Repository, name: string): Effect.Effect<Base, GitFailure> =>
  git({ args: ["rev-parse", "--verify", "--quiet", `refs/heads/${name}^{commit}`] }).pipe(
    Effect.mapBoth({
      onFailure: () => failure(`the upstream has no branch ${name}`),
      onSuccess: ({ stdout }) => ({ name, id: stdout.trim() }),
    }),
  )

/**
 * The base of a ref without a pull request: the operator's, or else the default branch, where the upstream's HEAD is. None in an empty
 * repository.
 */
export const defaultBase = Effect.fnUntraced(function* (
  repository: Repository,
  head: Option.Option<string>,
): Effect.fn.Return<Base, GitFailure> {
  const { upstream, git } = repository
  if (upstream.base !== undefined) return yield* namedBase(repository, upstream.base)
  if (Option.isSome(head))
    return head.value.startsWith("refs/heads/")
      ? yield* branchBase(repository, head.value.slice("refs/heads/".length))
      : { name: "HEAD", id: head.value }
  const { stdout } = yield* git({ args: ["for-each-ref", "--count=1"] })
  if (stdout !== "")
    return yield* failure("the upstream has no default branch: the operator must name a base")
  return { name: "an empty repository", id: EMPTY_TREE }
})

/** A branch, a tag or a commit, in a clone's lookup order. */
const namedBase = (repository: Repository, base: string): Effect.Effect<Base, GitFailure> => {
  const found = (name: string, ref: string) =>
    Effect.map(
      repository.git({ args: ["rev-parse", "--verify", "--quiet", `${ref}^{commit}`] }),
      ({ stdout }): Base => ({ name, id: stdout.trim() }),
    )
  const [branch, tag] = [base.replace(/^refs\/heads\//, ""), base.replace(/^refs\/tags\//, "")]
  const commit = /^[0-9a-f]{7,40}$/.test(base) ? [found(base, base)] : []
  return Effect.firstSuccessOf([
    found(branch, `refs/heads/${branch}`),
    found(tag, `refs/tags/${tag}`),
    ...commit,
  ]).pipe(
    Effect.mapError(() => failure(`the upstream has no branch, tag or commit ${base}, which is the base`)),
  )
}

/** Protected paths that are not approved at which a commit differs from its base, in content, mode, links or submodules. */
export const protectedDifferences = (
  { runner, withoutApproved }: Pick<GitContext, "runner" | "withoutApproved">,
  { directory, upstream }: Repository,
  base: Base,
  commit: string,
  objects?: GitRun["objects"],
): Effect.Effect<ReadonlyArray<string>, GitFailure> =>
  Effect.suspend(() => {
    const paths: Array<string> = []
    const listing = {
      directory,
      args: ["diff-tree", "-r", "-z", "--name-only", "--no-renames", base.id, `${commit}^{tree}`],
      ...(objects !== undefined && { objects }),
      separator: "\0",
      bytesMax: NAMES_BYTES_MAX,
    } as const
    return eachRecord(runner, listing, (path) => {
      if (protectedBy(upstream.protectedPaths, path) !== undefined) paths.push(path)
    }).pipe(
      Effect.zipRight(Effect.suspend(() => withoutApproved(upstream.name, paths))),
      Effect.map((left) =>
        left.map(
          (path) =>
            `${path}: protected (${protectedBy(upstream.protectedPaths, path)}), and different from ${base.name} now`,
        ),
      ),
    )
  })
