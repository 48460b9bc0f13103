/** webhook accepts one delivery: what it says is kept durably before it is answered. */
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

/** Keeps a hint durably: `Inbox.accept`, or `LifeCycleEngine.hint`, which also has the issue looked at. */
export type AcceptHint = (hint: InboxHint) => Effect.Effect<"accepted" | "known", StateStoreError>

/** Lists the repositories that are served; statuses of commits only where somebody acts on them. */
export const listedBy =
  ({ find }: Context.Tag.Service<ServedRepositories>): DeliverySettings["isListed"] =>
  (repository, kind) =>
    Option.exists(find(repository), ({ life }) => kind !== "status" || life.ciFeedback > 0)

/** Is called for each signed delivery: whether by the secret of the hook. */
export type OnSigned = (byOurs: boolean) => void

/** Answers a delivery: its headers, and its body byte for byte. 202 when its hint is kept, was kept before, or says nothing. */
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
          Effect.logError("a webhook cannot be kept; the next sweep finds what changed", cause),
          UNAVAILABLE,
        ),
      ),
    )
  })
