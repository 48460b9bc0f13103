/** Checks a fetch before git serves it: it gets what the upstream shows this bottle now, whatever else is in the store. */
import { Effect } from "effect"
import { randomBytes } from "node:crypto"
import { readFetch, withoutHaves } from "./fetchRequest.ts"
import { GitFailure } from "./GitFailure.ts"
import type { GitContext, Repository } from "./Repository.ts"
import { visible, visibleCommits } from "./visible.ts"

/** The body to serve. Fails when it wants an object that the upstream does not show, whether or not it exists. */
export const allowed = Effect.fnUntraced(function* (
  context: Pick<GitContext, "runner">,
  repository: Repository,
  body: Buffer,
) {
  const fetch = yield* Effect.mapError(
    readFetch(body),
    (reason) => new GitFailure({ reason: `the fetch: ${reason}`, remote: [] }),
  )
  const idsOf = (named: typeof fetch.wants) => named.map(({ id }) => id)
  const wanted = yield* visible(context, repository, idsOf(fetch.wants))
  const known = yield* visibleCommits(repository, idsOf(fetch.haves))
  const hidden = fetch.wants.find(({ id }) => !wanted.has(id))
  if (hidden !== undefined)
    return yield* new GitFailure({
      reason: `no branch or tag of the upstream leads to ${hidden.id}`,
      remote: [],
    })
  return withoutHaves(fetch, (id) => !known.has(id), randomBytes(20).toString("hex"))
})
