/** The methods of the neck's forge protocol: read and write the run's issue and PRs, and say that the work is done. */
import { Effect, Schema } from "effect"
import { BottleDone } from "../../domain/Bottle.ts"
import type { ForgeRequestError, ForgeScopeError } from "../../domain/Errors.ts"
import { ForgeNumber } from "../../domain/Forge.ts"
import { type ForgeApi, scoped } from "../../services/Forge.ts"
import { CallFailure, failureOfForge, internalFailure } from "./CallFailure.ts"
import { type Call, type CallSpec, type Done, makeCall } from "./Calls.ts"
import { type CallContext, blocking, forgeOf, refuseClosing, stamp, text } from "./callContext.ts"
import { gitIdentity } from "./gitIdentity.ts"
import { openPr } from "./openPr.ts"
import { refuseSecrets } from "./refuseSecrets.ts"

const NumberOnly = Schema.Struct({ number: ForgeNumber })
const NumberAndBody = Schema.Struct({ number: ForgeNumber, body: Schema.String })
const SignalDone = Schema.Struct({
  status: BottleDone.fields.status.annotations({
    message: () => ({ message: "must be success, no_change, blocked or failure", override: true }),
  }),
  summary: text(4000),
})

/** Every method by its name. */
export const forgeCalls = (context: CallContext): ReadonlyMap<string, Call> => {
  const { log } = context
  const calls = [
    makeCall(
      log,
      reading(context, "read_issue", "issue", (forge, number) => forge.readIssue(number)),
    ),
    makeCall(
      log,
      reading(context, "read_pr", "PR", (forge, number) => forge.readPr(number)),
    ),
    makeCall(
      log,
      reading(context, "read_comments", "comments of", (forge, number) => forge.readComments(number)),
    ),
    makeCall(
      log,
      counted(
        context,
        writing(context, "post_comment", "posted comment to", (forge, number, body) =>
          Effect.map(forge.postComment(number, body), (id) => ({ id })),
        ),
      ),
    ),
    makeCall(
      log,
      writing(context, "update_description", "updated description of", (forge, number, body) =>
        Effect.as(forge.updateDescription(number, body), null),
      ),
    ),
    makeCall(log, openPr(context)),
    makeCall(log, gitIdentity(context)),
    makeCall(log, signalDone(context)),
  ]
  return new Map(calls.map((call) => [call.name, call]))
}

const reading = (
  context: CallContext,
  name: string,
  what: string,
  read: (forge: ForgeApi, number: number) => Effect.Effect<unknown, ForgeRequestError>,
): CallSpec<typeof NumberOnly.Type> => ({
  name,
  params: NumberOnly,
  target: ({ number }) => `#${number}`,
  writes: false,
  guard: () => Effect.asVoid(forgeOf(context)),
  run: ({ number }) =>
    Effect.flatMap(forgeOf(context), ({ api }) =>
      answered(read(api, number), (answer) => ({ answer, detail: `read ${what} #${number}` })),
    ),
})

const writing = (
  context: CallContext,
  name: string,
  did: string,
  write: (
    forge: ForgeApi,
    number: number,
    body: string,
  ) => Effect.Effect<unknown, ForgeRequestError | ForgeScopeError>,
): CallSpec<typeof NumberAndBody.Type> => {
  const block = blocking(context, name)
  return {
    name,
    params: NumberAndBody,
    target: ({ number }) => `#${number}`,
    writes: true,
    guard: ({ number, body }) =>
      Effect.gen(function* () {
        const forge = yield* forgeOf(context)
        yield* Effect.mapError(forge.scope.permit(number), failureOfForge)
        yield* refuseClosing(forge, body)
        yield* refuseSecrets(context.scanText, { body })
      }).pipe(Effect.tapError((failure) => block(failure, number))),
    run: ({ number, body }) =>
      Effect.gen(function* () {
        const { api, scope } = yield* forgeOf(context)
        const limited = scoped(api, yield* scope.known)
        return yield* answered(write(limited, number, body), (answer) => ({
          answer,
          detail: `${did} #${number}`,
        }))
      }),
  }
}

/** A call that is counted among the run's comments; not when the forge has refused it. */
const counted = <P>({ keeper }: CallContext, spec: CallSpec<P>): CallSpec<P> => ({
  ...spec,
  guard: (params) => Effect.zipRight(spec.guard(params), keeper.takeComment),
  run: (params) =>
    Effect.tapError(spec.run(params), ({ kind }) => (kind === "forge" ? keeper.giveComment : Effect.void)),
})

const signalDone = (context: CallContext): CallSpec<typeof SignalDone.Type> => {
  let isDone = false
  const onlyOnce = Effect.suspend(() => (isDone ? Effect.fail(doneBefore) : Effect.void))
  return {
    name: "signal_done",
    params: SignalDone,
    target: ({ status }) => status,
    writes: true,
    guard: ({ summary }) => Effect.zipRight(onlyOnce, refuseSecrets(context.scanText, { summary })),
    run: ({ status, summary }) =>
      Effect.zipRight(
        onlyOnce,
        Effect.gen(function* () {
          isDone = true
          yield* context.tell({ ...(yield* stamp(context)), kind: "done", status, summary })
          yield* context.log.sync
          return { answer: null, detail: `signalled done: ${status}` }
        }).pipe(
          Effect.catchAll((error) => {
            isDone = false
            return Effect.zipRight(
              Effect.logError("done could not be queued", error),
              Effect.fail(internalFailure),
            )
          }),
        ),
      ),
  }
}

const doneBefore = new CallFailure({
  kind: "params",
  message: "done was signalled before, and the first signal counts",
})

const answered = <A>(
  effect: Effect.Effect<A, ForgeRequestError | ForgeScopeError>,
  done: (answer: A) => Done,
): Effect.Effect<Done, CallFailure> => Effect.mapBoth(effect, { onSuccess: done, onFailure: failureOfForge })
