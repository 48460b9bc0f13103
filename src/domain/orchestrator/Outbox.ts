/** Messages that follow from a decision: notices to the operator's receivers, and reactions on the forge. Stored with the decision. */
import { Schema } from "effect"
import type { Decision } from "./Decision.ts"
import { IssueKey, issueId, Millis } from "./IssueKey.ts"
import type { ObservedBottle } from "./Observed.ts"
import type { Operation } from "./Operation.ts"

/** Kinds of notices that a receiver can subscribe to. */
export const NoticeEvent = Schema.Literal("blocked", "failed", "limit", "approval", "set-aside", "finished")
/** Kinds of notices that a receiver can subscribe to. */
export type NoticeEvent = typeof NoticeEvent.Type

/** A notice about an issue, for one receiver. */
export const Notice = Schema.TaggedStruct("Notice", {
  /** The receiver, as `Receiver.name`. */
  to: Schema.String,
  event: NoticeEvent,
  issue: IssueKey,
  slug: Schema.NullOr(Schema.String),
  run: Schema.NullOr(Schema.Number),
  reason: Schema.String,
  at: Millis,
})
/** A notice about an issue, for one receiver. */
export type Notice = typeof Notice.Type

/** The meaning of a reaction. */
export const ReactionContent = Schema.Literal("eyes", "confused")
/** The meaning of a reaction. */
export type ReactionContent = typeof ReactionContent.Type

/** A reaction of the bot to an issue or to a comment on it. */
export const Reaction = Schema.TaggedStruct("Reaction", {
  issue: IssueKey,
  comment: Schema.NullOr(Schema.Number),
  content: ReactionContent,
})
/** A reaction of the bot. */
export type Reaction = typeof Reaction.Type

/** A message to send. Only the first of each ID is stored. */
export const OutboxMessage = Schema.Struct({ id: Schema.String, body: Schema.Union(Notice, Reaction) })
/** A message to send. */
export type OutboxMessage = typeof OutboxMessage.Type

/** A message that is not sent yet. */
export const OutboxRow = Schema.Struct({
  ...OutboxMessage.fields,
  /** How many attempts were made. */
  tries: Schema.Int,
})
/** A message that is not sent yet. */
export type OutboxRow = typeof OutboxRow.Type

/** A message that is not sent yet, with the time of its next attempt. */
export const UnsentMessage = Schema.Struct({ ...OutboxRow.fields, nextAt: Millis })
/** A message that is not sent yet, with the time of its next attempt. */
export type UnsentMessage = typeof UnsentMessage.Type

/** Which receivers get which notices. */
export interface Tells {
  /** Whether the bot reacts to what it accepts and to what it refuses. */
  readonly acknowledge: boolean
  readonly receivers: ReadonlyArray<{ readonly name: string; readonly events: ReadonlyArray<NoticeEvent> }>
}

/** The messages for a decision. An issue that waits repeatedly for the same thing has one message. */
export const messagesOf = (
  tells: Tells,
  issue: IssueKey,
  { verdict, state }: Decision,
  { bottle, at }: { readonly bottle: ObservedBottle | undefined; readonly at: number },
): ReadonlyArray<OutboxMessage> => {
  const id = `${issueId(issue)}/${state.generation}/${state.step}`
  const event = eventOf(verdict, bottle)
  return [
    ...(event === undefined
      ? []
      : noticesOf(tells, event, `${id}/${event}`, {
          issue,
          slug: bottle?.slug ?? null,
          run: bottle?.run ?? null,
          reason: verdict.reason,
          at,
        })),
    ...(bottle?.asks ?? []).flatMap((ask) =>
      noticesOf(tells, "approval", `request/${bottle?.slug}/${ask.id}`, {
        issue,
        slug: bottle?.slug ?? null,
        run: bottle?.run ?? null,
        reason: `its agent asks for ${ask.kind}, by request ${ask.id}`,
        at,
      }),
    ),
    ...(tells.acknowledge
      ? reactionsOf(verdict).map(({ comment, content }) => ({
          id: `${id}/${content}/${comment ?? ""}`,
          body: Reaction.make({ issue, comment, content }),
        }))
      : []),
  ]
}

/** A notice for each receiver that subscribes to its kind. */
export const noticesOf = (
  { receivers }: Tells,
  event: NoticeEvent,
  id: string,
  about: Omit<Notice, "_tag" | "to" | "event">,
): ReadonlyArray<OutboxMessage> =>
  receivers
    .filter(({ events }) => events.includes(event))
    .map(({ name }) => ({ id: `${id}@${name}`, body: Notice.make({ ...about, event, to: name }) }))

const eventOf = (
  verdict: Decision["verdict"],
  bottle: ObservedBottle | undefined,
): NoticeEvent | undefined => {
  if (verdict._tag === "Freeze") return eventOfFreeze(verdict, bottle)
  if (verdict._tag !== "Wait") return undefined
  switch (verdict.kind) {
    case "gave-up":
    case "lost":
      return "failed"
    case "limit":
    case "set-aside":
      return verdict.kind
    default:
      return undefined
  }
}

const eventOfFreeze = (
  { cause }: Operation & { _tag: "Freeze" },
  bottle: ObservedBottle | undefined,
): NoticeEvent | undefined => {
  switch (cause) {
    case "done": {
      const status = bottle?.done?.status
      return status === "blocked" ? "blocked" : status === "failure" ? "failed" : "finished"
    }
    case "provider":
    case "budget":
      return "limit"
    case "untargeted":
      return undefined
    default:
      return "failed"
  }
}

/** Reviews cannot have reactions. */
const reactionsOf = (verdict: Decision["verdict"]): ReadonlyArray<Pick<Reaction, "comment" | "content">> => {
  if (verdict._tag === "Wait")
    return verdict.kind === "refused" || verdict.kind === "gave-up"
      ? [{ comment: null, content: "confused" }]
      : []
  if (verdict._tag !== "Launch" && verdict._tag !== "Resume") return []
  const comments = verdict.consumes.filter(({ kind }) => kind === "comment")
  return [
    ...(verdict._tag === "Launch" ? [{ comment: null, content: "eyes" as const }] : []),
    ...comments.map(({ id }) => ({ comment: id, content: "eyes" as const })),
  ]
}
