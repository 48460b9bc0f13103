/** settleEvents: stores the effect of each queue event, in order, and only then removes its file. */
import { Effect, Option, Schema } from "effect"
import { BottleMetadata, type BottleTrouble } from "../domain/Bottle.ts"
import type { NumberedEvent, QueueEvent } from "../domain/QueueEvent.ts"
import type { Slug } from "../domain/Slug.ts"
import { UseLimit } from "../domain/usage/MeterLine.ts"
import type { RunMeter } from "../domain/usage/RunMeter.ts"
import { BottleEvents } from "../services/BottleEvents.ts"
import { BottleStore } from "../services/BottleStore.ts"
import { changeForgeRows } from "./forgeRows.ts"

/**
 * Applies the events in a bottle's queue. The number of the last applied event is stored with its effect, so that each event is applied
 * once, even if a crash happens before or after its file is removed.
 */
export const settleEvents = Effect.fnUntraced(function* (slug: Slug) {
  const queue = yield* BottleEvents
  const events = yield* queue.events(slug)
  yield* Effect.forEach(
    events,
    (event) => Effect.zipRight(apply(slug, event), queue.settle(slug, event.number)),
    {
      discard: true,
    },
  )
})

const apply = Effect.fn("applyEvent")(function* (slug: Slug, { number, event }: NumberedEvent) {
  const store = yield* BottleStore
  const queue = yield* BottleEvents
  const row = yield* store.get(slug)
  if (Option.isNone(row) || row.value.lastEvent >= number) return
  switch (event.kind) {
    case "pr-opened":
      yield* changeForgeRows(slug, { prNumber: Option.some(event.number) })
      break
    case "blocked-write":
      yield* Effect.logWarning(
        `bottle "${slug}": ${event.operation}${event.number > 0 ? ` to #${event.number}` : ""} was denied: ${
          event.denied ?? `#${event.number} is out of scope`
        } (writable: ${event.writable.join(", ")})`,
      )
      break
    case "limit-reached":
      yield* Effect.logWarning(
        `bottle "${slug}" reached its limit ${event.limit} (${event.value}): calls beyond it are refused, and the ${
          isUseLimit(event.limit) ? "run ends" : "agent continues"
        }`,
      )
      break
    case "model-refused":
      yield* Effect.logWarning(
        `bottle "${slug}": the model provider behind route ${event.route} refuses calls (${event.reason})${
          event.until === undefined ? "" : ` until ${event.until}`
        }`,
      )
      break
    case "request":
      yield* Effect.logWarning(
        `bottle "${slug}" asks for ${event.request} ${event.text}${event.reason === "" ? "" : ` (${event.reason})`}: ${
          event.request === "question"
            ? `"bot-bottle answer ${event.id} TEXT" answers it`
            : `"bot-bottle approve ${event.id}" or "bot-bottle deny ${event.id} --reason WHY" decides`
        }`,
      )
      break
    case "request-decided":
      yield* Effect.logInfo(`bottle "${slug}": request ${event.id} was ${event.verdict} by ${event.by}`)
      break
    case "done":
    case "model-answered":
    case "exit":
      break
  }
  const use = event.kind === "exit" ? yield* queue.use(slug, event.run, false) : Option.none<RunMeter>()
  yield* store.modify(slug, (current) =>
    current.lastEvent >= number ? current : withEvent(current, { number, event }, use),
  )
})

const withEvent = (
  row: BottleMetadata,
  { number, event }: NumberedEvent,
  use: Option.Option<RunMeter>,
): BottleMetadata =>
  new BottleMetadata({
    ...row,
    lastEvent: number,
    trouble: troubleAfter(row, event),
    ...(event.kind === "done" && {
      done: Option.some({ status: event.status, summary: event.summary, at: event.at }),
    }),
    ...(event.kind === "exit" &&
      event.run === row.run && {
        use,
        exit: Option.some({
          code: event.code,
          ...(event.signal !== undefined && { signal: event.signal }),
          at: event.at,
        }),
      }),
  })

const isUseLimit = Schema.is(UseLimit)

/** The last report about a run's model, and which limit of its use it reached. */
const troubleAfter = ({ trouble, run }: BottleMetadata, event: QueueEvent): BottleTrouble => {
  if (event.kind === "limit-reached" && isUseLimit(event.limit) && (event.run ?? run) === run)
    return trouble.stopped === undefined ? { ...trouble, stopped: event.limit } : trouble
  if ((event.kind !== "model-refused" && event.kind !== "model-answered") || event.run !== run) return trouble
  const { refused, ...rest } = trouble
  if (event.kind === "model-answered") return refused?.route === event.route ? rest : trouble
  const { route, reason, at, until } = event
  return { ...rest, refused: { route, reason, at, ...(until !== undefined && { until }) } }
}
