/** Lets a bottle push the heads of the pull requests that the operator named, if the forge allows pushes to them. */
import { Effect } from "effect"
import { type ForgePlace, isRepositoryOf } from "../../domain/ForgeRepository.ts"
import type { ForgeApi } from "../../services/Forge.ts"
import type { Upstream } from "./Upstream.ts"

/** A sidecar must start within 30 seconds. */
const LIMIT = "5 seconds"

/**
 * The upstreams; those that are the forge's own repository also allow the heads. Heads that the forge does not return in time are left
 * out.
 */
export const withNamedHeads = Effect.fn("namedHeads.withNamedHeads")(function* (
  upstreams: ReadonlyMap<string, Upstream>,
  {
    api,
    place,
    named,
  }: { readonly api: ForgeApi; readonly place: ForgePlace; readonly named: ReadonlyArray<number> },
) {
  const own = [...upstreams.values()].filter(({ url }) => isRepositoryOf(place, url))
  if (own.length === 0) return upstreams
  const heads = yield* Effect.forEach(named, (number) => pushableHead(api, number), {
    concurrency: 4,
  })
  const refs = heads.flat().map((head) => `refs/heads/${head}`)
  return new Map(
    [...upstreams].map(([name, upstream]) => [
      name,
      own.includes(upstream) ? { ...upstream, push: [...new Set([...upstream.push, ...refs])] } : upstream,
    ]),
  )
})

/** The head of an open pull request if it is an unprotected branch of the same repository and not the default one. */
const pushableHead = (api: ForgeApi, number: number) =>
  Effect.gen(function* () {
    const pr = yield* api.readPr(number)
    // A name that ends with a star would be a pattern. No branch has one, but the name comes from the forge.
    const isOwn = pr.state === "open" && pr.headRepoId > 0 && pr.headRepoId === (yield* api.repositoryId)
    if (!isOwn || !/^[^*]+$/.test(pr.head) || (yield* api.isGuardedBranch(pr.head))) return []
    return [pr.head]
  }).pipe(
    Effect.timeout(LIMIT),
    Effect.catchAll((error) =>
      Effect.as(
        Effect.logWarning(`the head of PR #${number} may not be pushed: it could not be read`, error),
        [],
      ),
    ),
  )
