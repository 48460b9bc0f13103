/** routeStatuses: a webhook about a commit names no issue, so every issue of its repository with a bottle is looked at. */
import { Clock, Effect } from "effect"
import { allPages } from "../../programs/allPages.ts"
import { Inbox } from "../../services/Inbox.ts"
import { liveIssues } from "../lookAtRows.ts"

/** Replaces each hint without an issue by one for each such issue. */
export const routeStatuses = Effect.gen(function* () {
  const inbox = yield* Inbox
  const hints = yield* allPages(inbox.unrouted)
  if (hints.length === 0) return
  const live = yield* liveIssues
  const now = yield* Clock.currentTimeMillis
  yield* Effect.forEach(
    hints,
    ({ id, forge, owner, repo }) => {
      const own = live.filter(
        (it) =>
          it.forge === forge &&
          it.owner.toLowerCase() === owner.toLowerCase() &&
          it.repo.toLowerCase() === repo.toLowerCase(),
      )
      return inbox.route(
        id,
        own.map(({ issueNumber }) => issueNumber),
        now,
      )
    },
    { discard: true },
  )
})
