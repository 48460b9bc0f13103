/** Parses a Gitea webhook delivery into a hint to look at an issue again. It carries no instruction. */
import type { ParseResult } from "effect"
import { Either, Option, Schema } from "effect"
import { ForgeNumber } from "../Forge.ts"
import { firstProblem } from "../firstProblem.ts"

/** The kind of a hint. */
export const HintKind = Schema.Literal(
  "issue",
  "label",
  "assign",
  "comment",
  "review",
  "pull",
  "pull-head",
  "status",
)
/** The kind of a hint. */
export type HintKind = typeof HintKind.Type

/** A user in a delivery; empty and 0 when it names nobody. */
export interface HintActor {
  readonly login: string
  readonly id: number
}

/** A hint to look again at an issue, a pull request or a commit of a repository. */
export interface Hint {
  readonly kind: HintKind
  readonly owner: string
  readonly repo: string
  /** Numeric ID of the repository, which stays the same when it is renamed; 0 when the delivery has none. */
  readonly repositoryId: number
  /** Number of the issue or pull request; absent for a status. */
  readonly number?: number
  readonly isPull: boolean
  /** Such as `opened`, `label_updated`, `created`, `reviewed`; `""` when there is none. */
  readonly action: string
  /** Who acted. */
  readonly actor: HintActor
  /** Only for a comment: its ID and its author, who may differ from the actor. */
  readonly comment?: { readonly id: number; readonly author: HintActor }
  /** Whether title or body was edited. No other source names who edited them. */
  readonly textEdited: boolean
  /** Commit of a status, or head of a pull request. */
  readonly sha?: string
  /** Only for a pull request. */
  readonly merged?: boolean
}

/** A delivery that lacks what its event type requires. Never quotes the body. */
export class WebhookInvalid extends Schema.TaggedError<WebhookInvalid>()("WebhookInvalid", {
  eventType: Schema.String,
  /** Path in the body; `""` for the body as a whole. */
  path: Schema.String,
  problem: Schema.String,
}) {
  /** What is wrong, on which event. */
  override get message(): string {
    return `a webhook of type ${this.eventType} is not understood: ${this.path === "" ? "its body" : this.path} ${this.problem}`
  }
}

/**
 * The hint of a delivery, from its header `X-Gitea-Event-Type` (never `X-Gitea-Event`, which is `pull_request_comment` for a review)
 * and its parsed body. None for events that are not about an issue: pushes, branches, unknown ones.
 */
export const webhookHint = (
  eventType: string,
  body: unknown,
): Either.Either<Option.Option<Hint>, WebhookInvalid> => {
  const event = Object.hasOwn(EVENTS, eventType) ? EVENTS[eventType] : undefined
  if (event === undefined) return Either.right(Option.none())
  return Either.mapBoth(event(body), {
    onLeft: (error) => new WebhookInvalid({ eventType: eventType.slice(0, 100), ...firstProblem(error) }),
    onRight: Option.some,
  })
}

type Read = (body: unknown) => Either.Either<Hint, ParseResult.ParseError>

/** Gitea sends `null`, or omits a key, when it has no value. */
const lenient = <A, I>(schema: Schema.Schema<A, I>) => Schema.optional(Schema.NullOr(schema))

const User = Schema.Struct({
  id: lenient(Schema.Number),
  login: lenient(Schema.String),
  username: lenient(Schema.String),
})

const Repository = Schema.Struct({
  id: lenient(Schema.Number),
  name: lenient(Schema.String),
  full_name: lenient(Schema.String),
  owner: lenient(User),
}).pipe(
  Schema.filter((it) => namesOf(it) !== undefined, {
    message: () => "must be a repository with owner and name",
  }),
)

const Numbered = Schema.Struct({ number: ForgeNumber })
const common = { action: lenient(Schema.String), repository: Repository, sender: lenient(User) }

const IssueEvent = Schema.Struct({
  ...common,
  issue: Numbered,
  changes: lenient(
    Schema.Struct({ title: Schema.optional(Schema.Unknown), body: Schema.optional(Schema.Unknown) }),
  ),
})

const CommentEvent = Schema.Struct({
  ...common,
  issue: Schema.Struct({ ...Numbered.fields, pull_request: Schema.optional(Schema.Unknown) }),
  comment: Schema.Struct({ id: Schema.Number, user: lenient(User) }),
  is_pull: lenient(Schema.Boolean),
})

const PullEvent = Schema.Struct({
  ...common,
  pull_request: Schema.Struct({
    ...Numbered.fields,
    merged: lenient(Schema.Boolean),
    head: lenient(Schema.Struct({ sha: lenient(Schema.String) })),
  }),
  changes: IssueEvent.fields.changes,
})

const StatusEvent = Schema.Struct({ ...common, sha: Schema.NonEmptyString, state: lenient(Schema.String) })

const issue =
  (kind: HintKind): Read =>
  (body) =>
    Either.map(Schema.decodeUnknownEither(IssueEvent)(body), (event) => ({
      ...commonOf(kind, event),
      number: event.issue.number,
      textEdited: isTextEdit(event),
    }))

const comment =
  (isPull: boolean): Read =>
  (body) =>
    Either.map(Schema.decodeUnknownEither(CommentEvent)(body), (event) => ({
      ...commonOf("comment", event),
      number: event.issue.number,
      isPull: isPull || event.is_pull === true,
      comment: { id: event.comment.id, author: actorOf(event.comment.user) },
    }))

const pull =
  (kind: HintKind): Read =>
  (body) =>
    Either.map(Schema.decodeUnknownEither(PullEvent)(body), (event) => ({
      ...commonOf(kind, event),
      number: event.pull_request.number,
      isPull: true,
      textEdited: isTextEdit(event),
      merged: event.pull_request.merged === true,
      ...(event.pull_request.head?.sha && { sha: event.pull_request.head.sha }),
    }))

const status: Read = (body) =>
  Either.map(Schema.decodeUnknownEither(StatusEvent)(body), (event) => ({
    ...commonOf("status", event),
    action: event.state ?? "",
    sha: event.sha,
  }))

const EVENTS: Readonly<Record<string, Read>> = {
  issues: issue("issue"),
  issue_label: issue("label"),
  issue_assign: issue("assign"),
  issue_milestone: issue("issue"),
  issue_comment: comment(false),
  pull_request_comment: comment(true),
  pull_request: pull("pull"),
  pull_request_label: pull("label"),
  pull_request_assign: pull("assign"),
  pull_request_milestone: pull("pull"),
  pull_request_sync: pull("pull-head"),
  pull_request_review_request: pull("review"),
  pull_request_review_approved: pull("review"),
  pull_request_review_rejected: pull("review"),
  pull_request_review_comment: pull("review"),
  status,
}

const isTextEdit = ({ action, changes }: typeof IssueEvent.Type | typeof PullEvent.Type): boolean =>
  action === "edited" && (changes?.title !== undefined || changes?.body !== undefined)

const commonOf = (
  kind: HintKind,
  { action, repository, sender }: Schema.Schema.Type<Schema.Struct<typeof common>>,
) => ({
  kind,
  ...(namesOf(repository) ?? { owner: "", repo: "" }),
  repositoryId: repository.id ?? 0,
  isPull: false,
  action: action ?? "",
  actor: actorOf(sender),
  textEdited: false,
})

const actorOf = (user: typeof User.Type | null | undefined): HintActor => ({
  login: user?.login || user?.username || "",
  id: user?.id ?? 0,
})

/** Owner and name, from their own fields or else from `full_name`. */
const namesOf = ({
  name,
  owner,
  full_name,
}: {
  readonly name?: string | null | undefined
  readonly owner?: typeof User.Type | null | undefined
  readonly full_name?: string | null | undefined
}): { readonly owner: string; readonly repo: string } | undefined => {
  const [ownerOfFull, nameOfFull, ...more] = (full_name ?? "").split("/")
  const names = {
    owner: actorOf(owner).login || (more.length === 0 ? (ownerOfFull ?? "") : ""),
    repo: name || (more.length === 0 ? (nameOfFull ?? "") : ""),
  }
  return [names.owner, names.repo].every((part) => part !== "" && !part.includes("/")) ? names : undefined
}
