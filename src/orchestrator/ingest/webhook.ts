/** webhook accepts one delivery: it is stored durably before the response is sent. */
import { Clock, type Context, Effect, Either, Option } from "effect"
import type { StateStoreError } from "../../domain/Errors.ts"
import type { InboxHint } from "../../domain/orchestrator/InboxHint.ts"
import type { ServedRepositories } from "../ServedRepositories.ts"
import {
  type Answer,
  type DeliverySettings,
  type Headers,
  KEPT,
  readDelivery,
  UNAVAILABLE,
} from "./readDelivery.ts"

/** Stores a hint durably: `Inbox.accept`, or `LifeCycleEngine.hint`, which also has the issue looked at. */
export type AcceptHint = (hint: InboxHint) => Effect.Effect<"accepted" | "known", StateStoreError>

/** Selects the served repositories, and statuses of commits only if they are used. */
export const listedBy =
  ({ find }: Context.Tag.Service<ServedRepositories>): DeliverySettings["isListed"] =>
  (repository, kind) =>
    Option.exists(find(repository), ({ life }) => kind !== "status" || life.ciFeedback > 0)

/** Called for each signed delivery with whether it was signed with the hook's secret. */
export type OnSigned = (byOurs: boolean) => void

/**
 * Responds to a delivery, given its headers and its body byte for byte. 202 when its hint is stored, was stored before, or there is
 * none.
 */
export const webhook = (settings: DeliverySettings, accept: AcceptHint, onSigned: OnSigned = () => {}) =>
  Effect.fn("webhook")(function* (headers: Headers, body: Uint8Array) {
    const hint = readDelivery(settings, headers, body, yield* Clock.currentTimeMillis)
    onSigned(Either.isRight(hint) || hint.left.status !== 401)
    if (Either.isLeft(hint)) {
      if (hint.left.status !== 202) yield* Effect.logWarning(`a webhook was refused: ${hint.left.text}`)
      return hint.left
    }
    return yield* accept(hint.right).pipe(
      Effect.as<Answer>(KEPT),
      Effect.catchAllCause((cause) =>
        Effect.as(
          Effect.logError("a webhook cannot be stored; the next sweep detects the change", cause),
          UNAVAILABLE,
        ),
      ),
    )
  })
