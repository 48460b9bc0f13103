/** Answers about bottles. */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import { Effect, Option, Schema, Stream } from "effect"
import type { DurationInput } from "effect/Duration"
import type { BottleMetadata } from "../../../domain/Bottle.ts"
import { IssueNumber } from "../../../domain/orchestrator/IssueKey.ts"
import { Slug } from "../../../domain/Slug.ts"
import { BottleNotFound } from "../../../domain/Errors.ts"
import { destroy } from "../../../programs/destroy.ts"
import { freeze } from "../../../programs/freeze.ts"
import { statusesOf } from "../../../programs/listBottles.ts"
import { stop } from "../../../programs/stop.ts"
import { BottleEvents } from "../../../services/BottleEvents.ts"
import { BottleStore } from "../../../services/BottleStore.ts"
import { ForgeStateStore } from "../../../services/ForgeStateStore.ts"
import { NotFound } from "../api/errors.ts"
import { cursorOf } from "../api/page.ts"
import { ServiceApi } from "../ServiceApi.ts"
import { ofBottle, ofReadBottle, orUnavailable } from "./failures.ts"
import { liveLog, liveOutput, logLines, outputPart, partOfRun } from "./logs.ts"
import { newestPage } from "./newest.ts"
import { order } from "./order.ts"
import { streamed } from "./streams.ts"
import type { BottleServices } from "./stores.ts"

const ofLog = cursorOf(Schema.Struct({ end: Schema.NonNegativeInt }))

/** `bottles`. `poll`: how often it is looked whether a log has more lines. */
export const bottles = (poll: DurationInput) =>
  HttpApiBuilder.group(ServiceApi, "bottles", (handlers) =>
    Effect.map(Effect.context<BottleServices>(), (context) => {
      const withStores = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.provide(effect, context)
      return handlers
        .handle("list", ({ urlParams: { limit, cursor } }) =>
          withStores(
            Effect.gen(function* () {
              const rows = yield* orUnavailable((yield* BottleStore).all)
              const placeOf = ({ createdAt, slug }: BottleMetadata) => ({ at: createdAt, name: slug })
              const { items, next } = yield* newestPage(rows, placeOf, { limit, cursor })
              return { items: yield* orUnavailable(statusesOf(items)), next }
            }),
          ),
        )
        .handle("get", ({ path: { slug } }) => withStores(ofReadBottle(detail(slug))))
        .handle("log", ({ path: { slug }, urlParams: { limit, cursor, run } }) =>
          withStores(
            Effect.gen(function* () {
              const place = yield* ofLog.read(cursor)
              const part =
                run === undefined
                  ? Option.some<[number, number]>([0, Infinity])
                  : yield* orUnavailable(partOfRun(slug, run))
              if (Option.isNone(part))
                return yield* new NotFound({
                  message: `there is no statement about run ${run} of ${slug} yet`,
                })
              const [from, to] = part.value
              const lines = yield* orUnavailable(
                logLines(slug, Math.max(from, place?.end ?? 0), to, limit + 1),
              )
              if (lines.length === 0) yield* ofReadBottle(known(slug))
              return yield* ofLog.page(lines, limit, ({ end }) => ({ end }))
            }),
          ),
        )
        .handle("logLive", ({ path: { slug }, headers }) =>
          withStores(
            Effect.zipRight(
              ofReadBottle(known(slug)),
              streamed(Stream.provideContext(liveLog(slug, headers["last-event-id"] ?? 0, poll), context), {
                start: headers["last-event-id"] ?? 0,
                ends: true,
              }),
            ),
          ),
        )
        .handle("output", ({ path: { slug, run }, urlParams: { from, limit } }) =>
          withStores(ofReadBottle(outputPart(slug, run, from, limit))),
        )
        .handle("outputLive", ({ path: { slug, run }, headers }) =>
          withStores(
            Effect.zipRight(
              ofReadBottle(known(slug)),
              streamed(Stream.provideContext(liveOutput(slug, run, headers["last-event-id"] ?? 0), context), {
                start: headers["last-event-id"] ?? 0,
                ends: true,
              }),
            ),
          ),
        )
        .handle("stop", ({ path: { slug } }) =>
          withStores(ordered("stop", slug, Effect.map(stop(slug), Option.getOrNull))),
        )
        .handle("freeze", ({ path: { slug } }) =>
          withStores(ordered("freeze", slug, Effect.as(freeze(slug), "frozen" as const))),
        )
        .handle("destroy", ({ path: { slug } }) =>
          withStores(ordered("destroy", slug, Effect.as(destroy(slug), null))),
        )
    }),
  )

const known = Effect.fnUntraced(function* (slug: Slug) {
  const row = yield* (yield* BottleStore).get(slug)
  return Option.isSome(row) ? row.value : yield* new BottleNotFound({ slug })
})

const detail = Effect.fnUntraced(function* (slug: Slug) {
  const row = yield* known(slug)
  const [status] = yield* statusesOf([row])
  if (status === undefined) return yield* new BottleNotFound({ slug })
  return {
    status,
    lastCheckinAt: Option.getOrElse(yield* (yield* BottleEvents).lastCheckin(slug), () => ""),
    issues: yield* issuesOf(slug),
  }
})

/** The issues that a bottle handles. */
export const issuesOf = Effect.fnUntraced(function* (slug: Slug) {
  const rows = yield* (yield* ForgeStateStore).all
  return rows
    .filter((it) => it.slug === slug)
    .map(({ forge, owner, repo, issueNumber }) => ({
      forge,
      owner,
      repo,
      issueNumber: IssueNumber.make(issueNumber),
    }))
})

/** The bottle must be known, so that the history has no orders about nothing. */
const ordered = <S, E extends { readonly _tag: string; readonly message: string }, R>(
  action: "stop" | "freeze" | "destroy",
  slug: Slug,
  effect: Effect.Effect<S, E, R>,
) =>
  Effect.gen(function* () {
    yield* ofBottle(known(slug))
    const [issue] = yield* orUnavailable(issuesOf(slug))
    const about = { slug, ...(issue !== undefined && { issue }) }
    return yield* order(action, about, ofBottle(Effect.map(effect, (state) => ({ slug, state }))))
  })
