/** Hints as the inbox keeps them: look at this issue again. */
import { type Either, Option, type ParseResult, Schema } from "effect"
import type { Slug } from "../Slug.ts"
import { type IssueKey, IssueNumber, issueId, Millis, type OperationId, RepositoryKey } from "./IssueKey.ts"
import { type Hint, HintKind } from "./Webhook.ts"

/** What identifies a hint: the same id is the same hint, however often it arrives. Ids of each source have a prefix of their own. */
export const HintId = Schema.String.pipe(Schema.pattern(/^[!-~]{1,2000}$/), Schema.brand("HintId"))
/** What identifies a hint. */
export type HintId = typeof HintId.Type

/** Id of a webhook, by its header `X-Gitea-Delivery`; none for a text that is no delivery id. The signature does not cover it. */
export const deliveryHintId = (delivery: string): Option.Option<HintId> =>
  /^[A-Za-z0-9-]{1,100}$/.test(delivery) ? Option.some(HintId.make(`delivery:${delivery}`)) : Option.none()

/**
 * Id of what a sweep found: an issue as it was updated then, by the forge's clock. With `seenAt`, the forge's time of a sweep that came
 * so soon after that the issue may change again without another `updatedAt`: then a later sweep's is another hint.
 */
export const sweepHintId = (issue: IssueKey, updatedAt: number, seenAt?: number): HintId =>
  HintId.make(`sweep:${issueId(issue)}@${updatedAt}${seenAt === undefined ? "" : `/${seenAt}`}`)

/** Id of the end of a run. */
export const endHintId = (slug: Slug, run: number): HintId => HintId.make(`end:${slug}:${run}`)

/** Id of the end of an operation. */
export const operationHintId = (operation: OperationId): HintId => HintId.make(`operation:${operation}`)

/** Id of what a hint without an issue becomes for one issue. */
export const routedHintId = (id: HintId, issue: IssueNumber): HintId => HintId.make(`${id}#${issue}`)

const Actor = Schema.Struct({ login: Schema.String, id: Schema.Number })

/** What a webhook said beside the issue; empty for other sources. */
export const HintDetail = Schema.Struct({
  repositoryId: Schema.optional(Schema.Number),
  isPull: Schema.optional(Schema.Boolean),
  action: Schema.optional(Schema.String),
  actor: Schema.optional(Actor),
  comment: Schema.optional(Schema.Struct({ id: Schema.Number, author: Actor })),
  textEdited: Schema.optional(Schema.Boolean),
  sha: Schema.optional(Schema.String),
  merged: Schema.optional(Schema.Boolean),
})
/** What a webhook said beside the issue. */
export type HintDetail = typeof HintDetail.Type

/** What a stored hint is about: a webhook's kind, or where else it is from. */
export const InboxKind = Schema.Literal(...HintKind.literals, "sweep", "end", "operation", "operator")

/** A hint to accept. */
export class InboxHint extends Schema.Class<InboxHint>("InboxHint")({
  id: HintId,
  ...RepositoryKey.fields,
  /** Null where only a commit is known: such a hint has to be routed first. */
  issueNumber: Schema.NullOr(IssueNumber),
  kind: InboxKind,
  receivedAt: Millis,
  detail: HintDetail,
}) {}

/** A hint in the inbox. */
export class InboxRow extends Schema.Class<InboxRow>("InboxRow")({
  ...InboxHint.fields,
  /** Order of arrival. */
  seq: Schema.Int,
  /** `set-aside`: looking at it failed too often; it waits for a person. */
  state: Schema.Literal("open", "handled", "set-aside"),
  /** How often looking at it failed. */
  tries: Schema.Int,
  /** Why it failed last, or was set aside. */
  problem: Schema.NullOr(Schema.String),
}) {}

/** The hint to accept for a webhook; fails where its repository cannot be one. */
export const webhookInboxHint = (
  source: { readonly id: HintId; readonly forge: string; readonly receivedAt: number },
  { kind, owner, repo, number, ...detail }: Hint,
): Either.Either<InboxHint, ParseResult.ParseError> =>
  decodeHint({ ...source, owner, repo, issueNumber: number ?? null, kind, detail })

const decodeHint = Schema.decodeUnknownEither(InboxHint)
