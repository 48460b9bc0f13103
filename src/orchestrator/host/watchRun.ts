/**
 * watchRun: waits for the end of an agent that this process or an earlier one launched. Adds hints when it is done and when it has
 * ended.
 */
import { Clock, Duration, Effect, Option, Schedule } from "effect"
import { stateOfRequest } from "../../domain/AgentRequest.ts"
import { endHintId, HintId, InboxHint } from "../../domain/orchestrator/InboxHint.ts"
import type { IssueKey } from "../../domain/orchestrator/IssueKey.ts"
import { RunNumber } from "../../domain/orchestrator/IssueKey.ts"
import type { Slug } from "../../domain/Slug.ts"
import { awaitExit } from "../../programs/awaitExit.ts"
import { every } from "../../programs/every.ts"
import { BottleStore } from "../../services/BottleStore.ts"
import { Requests } from "../../services/Requests.ts"
import { bottleOf, observeBottle } from "../issue/observeBottle.ts"
import type { ServedRepository } from "../ServedRepositories.ts"
import { assigned } from "./assigned.ts"

/** How often to check whether the agent has signalled that it is done, asks for something, or has lost its sidecar. */
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
  /** The signs that were reported, each once. */
  const said = new Set<string>()
  const once = Effect.fnUntraced(function* (sign: string) {
    if (said.has(sign)) return
    yield* say(HintId.make(sign))
    said.add(sign)
  })
  const signs = Effect.gen(function* () {
    const bottle = Option.getOrUndefined(yield* store.get(slug))
    if (bottle?.run === run) {
      if (Option.isSome(bottle.done)) yield* once(`done:${slug}:${run}`)
      if (bottle.trouble.sidecar === "failed") yield* once(`sidecar:${slug}:${run}`)
    }
    for (const request of yield* requests.all(slug))
      if (stateOfRequest(request) === "open") yield* once(`request:${slug}:${request.id}`)
  }).pipe(
    Effect.catchAll((error) => Effect.logWarning("the signs of a run cannot be read", error)),
    every(SIGN_INTERVAL),
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
