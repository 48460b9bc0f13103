/** Hints in the inbox: each asks to look at an issue again. */
import { type Either, Option, type ParseResult, Schema } from "effect"
import type { Slug } from "../Slug.ts"
import { type IssueKey, IssueNumber, issueId, Millis, type OperationId, RepositoryKey } from "./IssueKey.ts"
import { type Hint, HintKind } from "./Webhook.ts"

/** The ID of a hint. The same ID is the same hint, however often it arrives. IDs of each source have their own prefix. */
export const HintId = Schema.String.pipe(Schema.pattern(/^[!-~]{1,2000}$/), Schema.brand("HintId"))
/** The ID of a hint. */
export type HintId = typeof HintId.Type

/**
 * ID for a webhook, from its header `X-Gitea-Delivery`; none when the text is not a delivery ID. The signature does not cover the
 * header.
 */
export const deliveryHintId = (delivery: string): Option.Option<HintId> =>
  /^[A-Za-z0-9-]{1,100}$/.test(delivery) ? Option.some(HintId.make(`delivery:${delivery}`)) : Option.none()

/**
 * ID for a finding of a sweep: an issue as of that update, by the forge's clock. `seenAt` is the forge's time of a sweep that came so
 * soon after the update that the issue may change again with the same `updatedAt`: a later sweep then makes another hint.
 */
export const sweepHintId = (issue: IssueKey, updatedAt: number, seenAt?: number): HintId =>
  HintId.make(`sweep:${issueId(issue)}@${updatedAt}${seenAt === undefined ? "" : `/${seenAt}`}`)

/** ID for the end of a run. */
export const endHintId = (slug: Slug, run: number): HintId => HintId.make(`end:${slug}:${run}`)

/** ID for the end of an operation. */
export const operationHintId = (operation: OperationId): HintId => HintId.make(`operation:${operation}`)

/** ID for one issue that a hint without an issue is routed to. */
export const routedHintId = (id: HintId, issue: IssueNumber): HintId => HintId.make(`${id}#${issue}`)

const Actor = Schema.Struct({ login: Schema.String, id: Schema.Number })

/** What a webhook said in addition to the issue; empty for other sources. */
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
/** What a webhook said in addition to the issue. */
export type HintDetail = typeof HintDetail.Type

/** The kind of a stored hint: a webhook's kind, or its other source. */
export const InboxKind = Schema.Literal(...HintKind.literals, "sweep", "end", "operation", "operator")

/** A hint to accept. */
export class InboxHint extends Schema.Class<InboxHint>("InboxHint")({
  id: HintId,
  ...RepositoryKey.fields,
  /** Null when only a commit is known: the hint must then be routed first. */
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
  /** `set-aside`: looking at the issue failed too often; the hint waits for a person. */
  state: Schema.Literal("open", "handled", "set-aside"),
  /** How often looking at it failed. */
  tries: Schema.Int,
  /** Why it last failed, or was set aside. */
  problem: Schema.NullOr(Schema.String),
}) {}

/** The hint for a webhook. Fails when its repository's name is not a valid one. */
export const webhookInboxHint = (
  source: { readonly id: HintId; readonly forge: string; readonly receivedAt: number },
  { kind, owner, repo, number, ...detail }: Hint,
): Either.Either<InboxHint, ParseResult.ParseError> =>
  decodeHint({ ...source, owner, repo, issueNumber: number ?? null, kind, detail })

const decodeHint = Schema.decodeUnknownEither(InboxHint)
