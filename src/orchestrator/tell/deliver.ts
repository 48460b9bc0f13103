/** deliver: sends the messages of the outbox with increasing delays, until each is accepted or given up. */
import { Clock, type Context, Effect, Option, type Redacted, Schedule } from "effect"
import type { DurationInput } from "effect/Duration"
import { isOutage } from "../../domain/ForgeReason.ts"
import type { Configuration } from "../../domain/orchestrator/Configuration.ts"
import type { Notice, OutboxRow, Reaction } from "../../domain/orchestrator/Outbox.ts"
import { Forges } from "../../services/Forges.ts"
import { Outbox } from "../../services/Outbox.ts"
import type { ServedRepositories } from "../ServedRepositories.ts"
import { whenStored } from "../whenStored.ts"
import { post } from "./post.ts"
import { postOf, receiverOf } from "./receivers.ts"

/** What sending needs. */
export interface DeliverOptions {
  readonly configuration: Configuration
  readonly served: Context.Tag.Service<ServedRepositories>
  /** Secrets by their key in the configuration. */
  readonly secretAt: (key: string) => Redacted.Redacted | undefined
  readonly poll: DurationInput
  /** Milliseconds before the second attempt; 10 seconds unless given. */
  readonly firstDelay?: number
}

/** How many messages are sent at once. Each takes at most 10 seconds. */
const AT_ONCE = 8
/** The delay doubles each time, up to an hour. A message is given up after about half a day. */
const TRIES_MAX = 20
const DELAY_MAX = 3_600_000

/** `gone`: it can no longer be delivered. */
type Outcome = "sent" | "gone" | "failed"

/** Delivers until the scope ends. Messages in progress are sent again by the next service: at-least-once delivery. */
export const deliver = Effect.fn("deliver")(function* (options: DeliverOptions) {
  const outbox = yield* Outbox
  const { firstDelay = 10_000, poll } = options
  const send = Effect.fnUntraced(function* (row: OutboxRow) {
    const { id, body, tries } = row
    const outcome = yield* body._tag === "Notice"
      ? sendNotice(options, id, body)
      : sendReaction(options, body)
    const now = yield* Clock.currentTimeMillis
    const isLast = outcome === "failed" && tries + 1 >= TRIES_MAX
    if (outcome !== "sent" && (isLast || outcome === "gone"))
      yield* Effect.logWarning(`given up after ${tries + 1} tries: ${id}`)
    if (outcome === "failed" && !isLast) {
      if (tries === 0) yield* Effect.logWarning(`not sent, and tried again: ${id}`)
      return yield* outbox.again(id, now + Math.min(firstDelay * 2 ** tries, DELAY_MAX))
    }
    return yield* outbox.over(id, now)
  })
  const pass = Effect.gen(function* () {
    const rows = yield* outbox.due(yield* Clock.currentTimeMillis, 100)
    yield* Effect.forEach(rows, send, { concurrency: AT_ONCE, discard: true })
    // Messages that are due later have their times in the table.
    return (yield* outbox.due(Number.MAX_SAFE_INTEGER, 1)).length > 0 ? 0 : null
  })
  const logged = Effect.catchAllCause(yield* whenStored(pass), (cause) =>
    Effect.logError("sending failed", cause),
  )
  yield* Effect.forkScoped(Effect.repeat(logged, Schedule.spaced(poll)))
})

const sendNotice = Effect.fnUntraced(function* (
  { configuration, secretAt, served }: DeliverOptions,
  id: string,
  notice: Notice,
) {
  const receiver = receiverOf(configuration, secretAt, notice.to)
  if (receiver === undefined) return "gone" satisfies Outcome
  const { owner, repo, issueNumber } = notice.issue
  const target = Option.map(served.find(notice.issue), (it) => it.target)
  const web = yield* Option.match(target, {
    onNone: () => Effect.succeed(""),
    onSome: (it) => Effect.flatMap(Forges, (forges) => forges.webUrl(it)),
  }).pipe(Effect.orElseSucceed(() => ""))
  const url = `${web}/${owner}/${repo}/issues/${issueNumber}`
  const status = yield* post(receiver.url, postOf(receiver, { id, notice, url }))
  return (status >= 200 && status < 300 ? "sent" : "failed") satisfies Outcome
})

const sendReaction = Effect.fnUntraced(function* (
  { served }: DeliverOptions,
  { issue, comment, content }: Reaction,
) {
  const found = served.find(issue)
  if (Option.isNone(found)) return "gone" satisfies Outcome
  const { owner, repo, issueNumber } = issue
  return yield* (yield* Forges)
    .react(
      { ...found.value.target, owner, repo },
      comment === null ? { number: issueNumber } : { comment },
      content,
    )
    .pipe(
      Effect.as<Outcome>("sent"),
      Effect.catchTags({
        ForgeConfigInvalid: () => Effect.succeed<Outcome>("gone"),
        // A deleted comment or a locked issue never accepts a reaction.
        ForgeRequestError: ({ reason }) => Effect.succeed<Outcome>(isOutage(reason) ? "failed" : "gone"),
      }),
    )
})
