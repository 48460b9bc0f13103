/** Lets a bottle push the heads of the pull requests that the operator named, as far as the forge leaves them to be pushed. */
import { Effect } from "effect"
import { type ForgePlace, isRepositoryOf } from "../../domain/ForgeRepository.ts"
import type { ForgeApi } from "../../services/Forge.ts"
import type { Upstream } from "./Upstream.ts"

/** A sidecar starts within 15 seconds. */
const LIMIT = "5 seconds"

/** The upstreams, of which those that are the forge's own repository take the heads too. What the forge does not say in time is not taken. */
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

/** The head of an open PR when it is a branch of the same repository, not the default one, and not protected. */
const pushableHead = (api: ForgeApi, number: number) =>
  Effect.gen(function* () {
    const pr = yield* api.readPr(number)
    // A name that ends with a star would be a pattern; no branch has one, but the name is the forge's.
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
