/** readDelivery decides what to do with a webhook request: the hint to store, or the status that refuses or ignores it. */
import { Either, Option, Redacted } from "effect"
import { createHmac, timingSafeEqual } from "node:crypto"
import { deliveryHintId, type InboxHint, webhookInboxHint } from "../../domain/orchestrator/InboxHint.ts"
import type { RepositoryKey } from "../../domain/orchestrator/IssueKey.ts"
import { webhookHint } from "../../domain/orchestrator/Webhook.ts"

/** The largest body of a webhook, in bytes. */
export const WEBHOOK_BYTES_MAX = 1024 * 1024

/** Headers by name in lower case, as in node. */
export type Headers = Readonly<Record<string, string | ReadonlyArray<string> | undefined>>

/** A response. */
export interface Answer {
  readonly status: 202 | 400 | 401 | 413 | 503
  /** The reason in a few words; never a part of the request. */
  readonly text: string
}

/** How deliveries are checked. */
export interface DeliverySettings {
  /** The hook's secret. With an empty one every delivery is refused. */
  readonly secret: Redacted.Redacted
  /** The forge's normalised API address (`forgeAddress`). */
  readonly forge: string
  /** Whether hints of that kind are stored for that repository. */
  readonly isListed: (repository: RepositoryKey, kind: InboxHint["kind"]) => boolean
}

/** A refusal that does not need the body: there is no signature, or it is declared too large. */
export const refusedByHeaders = (headers: Headers): Option.Option<Answer> => {
  if (Option.isNone(signatureOf(headers))) return Option.some(UNSIGNED)
  return Number(headers["content-length"] ?? 0) > WEBHOOK_BYTES_MAX ? Option.some(TOO_LARGE) : Option.none()
}

/**
 * The hint of a complete delivery that arrived at `receivedAt`, or the response to one without a hint. `body` is byte for byte as
 * received.
 */
export const readDelivery = (
  { secret, forge, isListed }: DeliverySettings,
  headers: Headers,
  body: Uint8Array,
  receivedAt: number,
): Either.Either<InboxHint, Answer> => {
  if (body.byteLength > WEBHOOK_BYTES_MAX) return Either.left(TOO_LARGE)
  if (!isSigned(secret, signatureOf(headers), body)) return Either.left(UNSIGNED)
  // Neither header is signed: replaying a signed body with other headers only has an issue looked at again.
  const id = Option.flatMap(headerOf(headers, "x-gitea-delivery"), deliveryHintId)
  const type = headerOf(headers, "x-gitea-event-type")
  if (Option.isNone(id) || Option.isNone(type)) return malformed("X-Gitea-Delivery or X-Gitea-Event-Type")
  const parsed = parse(body)
  if (Option.isNone(parsed)) return malformed("its body, which is not JSON")
  const read = webhookHint(type.value, parsed.value)
  if (Either.isLeft(read)) return malformed(read.left.path === "" ? "its body" : read.left.path)
  if (Option.isNone(read.right)) return Either.left(NOTHING)
  const hint = webhookInboxHint({ id: id.value, forge, receivedAt }, read.right.value)
  if (Either.isLeft(hint)) return malformed("its repository or number")
  return isListed(hint.right, hint.right.kind) ? Either.right(hint.right) : Either.left(NOTHING)
}

/** The response to a hint that is stored, now or before. */
export const KEPT: Answer = { status: 202, text: "accepted" }
/** The response to a delivery that is ignored. The sender does not learn which repositories are served. */
const NOTHING: Answer = { status: 202, text: "accepted" }
const UNSIGNED: Answer = { status: 401, text: "X-Gitea-Signature is not that of the body" }
const TOO_LARGE: Answer = { status: 413, text: `the body has more than ${WEBHOOK_BYTES_MAX} bytes` }
/** Gitea does not retry: the next sweep finds the change. */
export const UNAVAILABLE: Answer = { status: 503, text: "it cannot be kept now" }

const malformed = (what: string): Either.Either<never, Answer> =>
  Either.left({ status: 400, text: `not understood: ${what}` })

/** A header that is present exactly once and not empty. */
const headerOf = (headers: Headers, name: string): Option.Option<string> => {
  const value = headers[name]
  return typeof value === "string" && value !== "" ? Option.some(value) : Option.none()
}

const signatureOf = (headers: Headers): Option.Option<string> =>
  Option.filter(headerOf(headers, "x-gitea-signature"), (hex) => /^[0-9a-f]{64}$/.test(hex))

const isSigned = (secret: Redacted.Redacted, signature: Option.Option<string>, body: Uint8Array): boolean => {
  const key = Redacted.value(secret)
  // Anybody can sign with an empty secret.
  if (key === "" || Option.isNone(signature)) return false
  return timingSafeEqual(createHmac("sha256", key).update(body).digest(), Buffer.from(signature.value, "hex"))
}

const parse = Option.liftThrowable((body: Uint8Array): unknown =>
  JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body)),
)
