/** Every outgoing connection: checked against the allow-list first, counted, and logged before and after. */
import { Effect, Either, Exit, Option, type Scope } from "effect"
import type { AllowList, Destination, Permit } from "../../domain/AllowList.ts"
import { EGRESS_REASONS } from "../../domain/EgressRefusals.ts"
import { type EndWords, around } from "../record/around.ts"
import type { OperationLogApi } from "../record/OperationLog.ts"
import type { RequestsApi } from "../record/Requests.ts"
import { Refused, failed, rejected } from "../outside/Refused.ts"

/** How a call ended. */
export interface Ended {
  /** Why it is incomplete. */
  readonly failure: string | undefined
  /** What was transferred, in words. */
  readonly detail: string
  /** Runs after its end is in the log. */
  readonly finish: Effect.Effect<void>
}

/**
 * Makes an outgoing call: `use` runs for a destination on the list, and its scope closes before the end is logged. A failure is logged
 * too.
 */
export type Outgoing = <D extends Destination>(
  asked: Either.Either<D, Refused>,
  target: string,
  use: (destination: D, permit: Permit) => Effect.Effect<Ended, Refused, Scope.Scope>,
) => Effect.Effect<void, Refused>

/** Simultaneous outgoing connections of one bottle. */
export const CONNECTIONS_MAX = 512

/** Outgoing calls of one bottle. */
export const makeOutgoing = (
  allow: AllowList,
  log: OperationLogApi,
  requests: Pick<RequestsApi, "take">,
): Outgoing => {
  let calls = 0
  const logged = around(log)
  const admit = (destination: Destination): Effect.Effect<Permit, Refused> =>
    Option.match(allow(destination), {
      onNone: () => (calls < CONNECTIONS_MAX ? approved(destination) : tooMany),
      onSome: (permit) => (calls < CONNECTIONS_MAX ? Effect.succeed(permit) : tooMany),
    })
  /** What a person approved for this run. */
  const approved = ({ host, port }: Destination): Effect.Effect<Permit, Refused> =>
    requests
      .take(
        "egress",
        (detail) => detail.kind === "egress" && detail.host === host.text && detail.port === port,
      )
      .pipe(
        Effect.catchTags({
          FileFailure: () => failed(503, "its approval cannot be read"),
          LogUnwritable: () => failed(503, "it cannot be logged"),
        }),
        Effect.flatMap((details) =>
          details.length > 0 ? Effect.succeed(APPROVED) : rejected(EGRESS_REASONS.notListed),
        ),
      )
  return (asked, target, use) => {
    const admitted = Effect.flatMap(asked, (destination) =>
      Effect.map(admit(destination), (permit) => ({ destination, permit })),
    ).pipe(
      Effect.tapError(({ outcome, reason }) =>
        Effect.ignore(log.append({ op: "egress", target, outcome, reason, durationMs: 0, detail: NOT_MADE })),
      ),
    )
    return Effect.gen(function* () {
      const { destination, permit } = yield* admitted
      calls += 1
      const called = logged(
        { op: "egress", target, detail: `connecting by ${destination.by}`, ended: wordsOf },
        Effect.scoped(use(destination, permit)),
      ).pipe(
        Effect.catchTag("LogUnwritable", () => failed(503, "it cannot be logged")),
        Effect.flatMap(({ finish }) => finish),
      )
      yield* Effect.ensuring(
        called,
        Effect.sync(() => (calls -= 1)),
      )
    })
  }
}

/** An approval opens neither private addresses nor tunnels without TLS. */
const APPROVED: Permit = { private: false, tls: true }

const NOT_MADE = "connection was not made"

const tooMany = new Refused({
  outcome: "rejected",
  status: 503,
  reason: `${CONNECTIONS_MAX} connections are open: close some`,
})

const wordsOf = (exit: Exit.Exit<Ended, Refused>): Option.Option<EndWords> => {
  if (Exit.isSuccess(exit)) {
    const { failure, detail } = exit.value
    return Option.some(
      failure === undefined ? { outcome: "ok", detail } : { outcome: "failed", reason: failure, detail },
    )
  }
  const refused = exit.cause._tag === "Fail" ? exit.cause.error : undefined
  return Option.some({
    outcome: refused?.outcome ?? "failed",
    reason: refused?.reason ?? "the sidecar ended",
    detail: "nothing passed",
  })
}
