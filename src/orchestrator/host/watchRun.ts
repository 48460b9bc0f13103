/** watchRun: waits for the end of an agent that was launched, by this process or an earlier one, and leaves hints: when it is done, and when it has ended. */
import { Clock, Duration, Effect, Option, Schedule } from "effect"
import { endHintId, HintId, InboxHint } from "../../domain/orchestrator/InboxHint.ts"
import type { IssueKey } from "../../domain/orchestrator/IssueKey.ts"
import { RunNumber } from "../../domain/orchestrator/IssueKey.ts"
import type { Slug } from "../../domain/Slug.ts"
import { awaitExit } from "../../programs/awaitExit.ts"
import { BottleStore } from "../../services/BottleStore.ts"
import { observeBottle } from "../issue/observeBottle.ts"
import type { ServedRepository } from "../ServedRepositories.ts"
import { assigned } from "./assigned.ts"

/** How often it is looked whether the agent has signalled that it is done. */
const DONE_INTERVAL = Duration.seconds(5)
/** How long to wait before watching again what could not be watched, as a command watches it. */
const AGAIN = Duration.seconds(30)

/** A run to watch. */
export interface WatchedRun {
  readonly issue: IssueKey
  readonly slug: Slug
  readonly run: number
  readonly served: ServedRepository
}

/** Ends when the run has ended. `tell` keeps a hint and has the issue looked at. */
export const watchRun = Effect.fn("watchRun")(function* <E, R>(
  { issue, slug, run, served }: WatchedRun,
  tell: (hint: InboxHint) => Effect.Effect<void, E, R>,
) {
  const { forge, owner, repo, issueNumber } = issue
  const say = Effect.fnUntraced(function* (id: HintId) {
    const receivedAt = yield* Clock.currentTimeMillis
    yield* tell(new InboxHint({ id, forge, owner, repo, issueNumber, kind: "end", receivedAt, detail: {} }))
  })
  const store = yield* BottleStore
  const isOfRun = Effect.map(store.get(slug), (row) => Option.filter(row, (bottle) => bottle.run === run))
  const done = isOfRun.pipe(
    Effect.repeat({
      until: Option.match({ onNone: () => true, onSome: (bottle) => Option.isSome(bottle.done) }),
      schedule: Schedule.spaced(DONE_INTERVAL),
    }),
    Effect.zipRight(say(HintId.make(`done:${slug}:${run}`))),
    Effect.catchAll((error) => Effect.logWarning("an agent's signal is not seen", error)),
  )
  const prs = Option.match(yield* observeBottle(issue), { onNone: () => [], onSome: (it) => it.prs })
  const wait = Effect.scoped(
    Effect.zipRight(Effect.forkScoped(done), awaitExit(slug, { forge: assigned(issue, served, prs) })),
  ).pipe(
    // How it ended is in its row. Who cannot watch it now, because somebody else does, tries again.
    Effect.catchAll((error) => Effect.logDebug(error.message)),
    Effect.zipRight(observeBottle(issue)),
    Effect.map(
      Option.exists((bottle) => bottle.slug === slug && bottle.run === run && bottle.state === "running"),
    ),
  )
  yield* Effect.repeat(wait, { while: (isRunning) => isRunning, schedule: Schedule.spaced(AGAIN) })
  yield* say(endHintId(slug, RunNumber.make(run)))
})
