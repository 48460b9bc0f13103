/**
 * watchRun: waits for the end of an agent that this process or an earlier one launched. Adds hints when it is done and when it has
 * ended.
 */
import { Clock, Duration, Effect, Option, Schedule } from "effect"
import { stateOfRequest } from "../../domain/AgentRequest.ts"
import type { BottleMetadata } from "../../domain/Bottle.ts"
import { endHintId, HintId, InboxHint } from "../../domain/orchestrator/InboxHint.ts"
import type { IssueKey } from "../../domain/orchestrator/IssueKey.ts"
import { RunNumber } from "../../domain/orchestrator/IssueKey.ts"
import type { Slug } from "../../domain/Slug.ts"
import { awaitExit } from "../../programs/awaitExit.ts"
import { BottleStore } from "../../services/BottleStore.ts"
import { Requests } from "../../services/Requests.ts"
import { bottleOf, observeBottle } from "../issue/observeBottle.ts"
import type { ServedRepository } from "../ServedRepositories.ts"
import { assigned } from "./assigned.ts"

/** How often to check whether the agent has signalled that it is done, and whether its sidecar is gone. */
const SIGN_INTERVAL = Duration.seconds(5)
/** Delay before watching again after watching failed, for example because a command watches the bottle. */
const AGAIN = Duration.seconds(30)

/** A run to watch. */
export interface WatchedRun {
  readonly issue: IssueKey
  readonly slug: Slug
  readonly run: number
  readonly served: ServedRepository
}

/** Completes when the run has ended. `tell` stores a hint and has the issue looked at. */
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
  const requests = yield* Requests
  const isOfRun = Effect.map(store.get(slug), (row) => Option.filter(row, (bottle) => bottle.run === run))
  /** Reports once that the run is done, when its row shows it; never when there is no such row. */
  const once = (sign: string, shows: (bottle: BottleMetadata) => boolean) =>
    isOfRun.pipe(
      Effect.repeat({
        until: Option.match({ onNone: () => true, onSome: shows }),
        schedule: Schedule.spaced(SIGN_INTERVAL),
      }),
      Effect.zipRight(isOfRun),
      Effect.flatMap(
        Option.match({
          onNone: () => Effect.void,
          onSome: () => say(HintId.make(`${sign}:${slug}:${run}`)),
        }),
      ),
      Effect.catchAll((error) => Effect.logWarning("events of a run cannot be read", error)),
    )
  /** Reports each request that waits for a person, once. */
  const asked = new Set<string>()
  const asks = Effect.gen(function* () {
    const open = (yield* requests.all(slug)).filter((request) => stateOfRequest(request) === "open")
    for (const { id } of open) {
      if (asked.has(id)) continue
      yield* say(HintId.make(`request:${slug}:${id}`))
      asked.add(id)
    }
  }).pipe(
    Effect.catchAll((error) => Effect.logWarning("requests of a run cannot be read", error)),
    Effect.repeat(Schedule.spaced(SIGN_INTERVAL)),
  )
  const signs = Effect.all(
    [
      once("done", ({ done }) => Option.isSome(done)),
      once("sidecar", ({ trouble }) => trouble.sidecar === "failed"),
      asks,
    ],
    { concurrency: "unbounded", discard: true },
  )
  const prs = Option.match(yield* bottleOf(issue), {
    onNone: () => [],
    onSome: ({ row }) => Option.toArray(row.prNumber),
  })
  const runs = observeBottle(issue).pipe(
    Effect.map(
      Option.exists((bottle) => bottle.slug === slug && bottle.run === run && bottle.state === "running"),
    ),
    // An engine that cannot be reached may still have its bottles.
    Effect.catchTags({ BackendUnavailable: unknown, BackendFailure: unknown }),
  )
  const wait = Effect.scoped(
    Effect.zipRight(Effect.forkScoped(signs), awaitExit(slug, { forge: assigned(issue, served, prs) })),
  ).pipe(
    Effect.as(false),
    Effect.catchTags({ AgentExited: hasEnded, LimitReached: hasEnded }),
    // Somebody else may be watching: then this tries again later.
    Effect.catchAll((error) => Effect.zipRight(Effect.logDebug(error.message), runs)),
  )
  yield* Effect.repeat(wait, { while: (isRunning) => isRunning, schedule: Schedule.spaced(AGAIN) })
  yield* say(endHintId(slug, RunNumber.make(run)))
})

const hasEnded = () => Effect.succeed(false)

const unknown = (error: { readonly message: string }) =>
  Effect.as(Effect.logWarning(`could not check whether an agent runs, trying again: ${error.message}`), true)
