/** The methods of the neck's forge protocol: read and write the run's issue and PRs, and say that the work is done. */
import { Clock, Effect, Schema } from "effect"
import { BottleDone } from "../../domain/Bottle.ts"
import { closingReferenceOutside } from "../../domain/ClosingKeywords.ts"
import type { ForgeRequestError, ForgeScopeError, SidecarError } from "../../domain/Errors.ts"
import { ForgeNumber } from "../../domain/Forge.ts"
import { mayPush } from "../../domain/PushPolicy.ts"
import type { QueueEvent } from "../../domain/QueueEvent.ts"
import type { Slug } from "../../domain/Slug.ts"
import { type ForgeApi, scoped } from "../../services/Forge.ts"
import type { SecretScannerApi } from "../../services/SecretScanner.ts"
import { CallFailure, failureOfForge, internalFailure } from "./CallFailure.ts"
import { type Call, type CallSpec, type Done, makeCall } from "./Calls.ts"
import type { OperationLog } from "./OperationLog.ts"
import type { RunScope } from "./RunScope.ts"
import { refuseSecrets } from "./refuseSecrets.ts"

/** The forge of a run, and where it may be written to. */
export interface RunForge {
  readonly api: ForgeApi
  readonly scope: RunScope
  /** Refs that a PR's head must match. */
  readonly push: ReadonlyArray<string>
}

/** What the methods work on. */
export interface CallContext {
  readonly slug: Slug
  readonly log: OperationLog
  /** Absent: every method but `signal_done` answers that there is no forge. */
  readonly forge: RunForge | undefined
  /** Puts an event into the queue; done when it would survive a power cut. */
  readonly tell: (event: QueueEvent) => Effect.Effect<number, SidecarError>
  /** Looks for secrets in what would leave the bottle. */
  readonly scanText: SecretScannerApi["scanText"]
  /** Remembers a PR that was opened, for a sidecar launched again. */
  readonly remember: (pr: number) => Effect.Effect<void>
}

/** An agent in a loop must not fill the queue; the operation log has every refusal. */
const BLOCKED_EVENTS_MAX = 100

const text = (max: number) =>
  Schema.String.pipe(
    Schema.filter((value) => value.length >= 1 && value.length <= max, {
      message: () => `must be a text of 1 to ${max} characters`,
    }),
  )

/** What git takes as a branch name (git-check-ref-format), without Gitea's `owner:branch`. */
const Branch = Schema.String.pipe(
  Schema.filter(
    (name) =>
      /^[^\0-\x20\x7f~^:?*[\\]{1,244}$/.test(name) &&
      !/^[/-]|\/$|\.$|\.\.|\/\/|@\{|(?:^|\/)\.|\.lock(?:\/|$)/.test(name),
    { message: () => "must be a branch name" },
  ),
)

const NumberOnly = Schema.Struct({ number: ForgeNumber })
const NumberAndBody = Schema.Struct({ number: ForgeNumber, body: Schema.String })
const OpenPrParams = Schema.Struct({
  title: text(255),
  body: Schema.String,
  head: Branch,
  base: Schema.optional(Branch),
})
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
      writing(context, "post_comment", "posted comment to", (forge, number, body) =>
        Effect.map(forge.postComment(number, body), (id) => ({ id })),
      ),
    ),
    makeCall(
      log,
      writing(context, "update_description", "updated description of", (forge, number, body) =>
        Effect.as(forge.updateDescription(number, body), null),
      ),
    ),
    makeCall(log, openPr(context)),
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

const openPr = (context: CallContext): CallSpec<typeof OpenPrParams.Type> => {
  const block = blocking(context, "open_pr")
  const oneAtATime = Effect.unsafeMakeSemaphore(1).withPermits(1)
  return {
    name: "open_pr",
    params: OpenPrParams,
    target: ({ head }) => head,
    writes: true,
    guard: ({ head, title, body }) =>
      Effect.gen(function* () {
        const forge = yield* forgeOf(context)
        if (!mayPush(forge.push, `refs/heads/${head}`)) return yield* headDenied(head, forge.push)
        yield* refuseClosing(forge, title)
        yield* refuseClosing(forge, body)
        yield* refuseSecrets(context.scanText, { title, body, head })
      }).pipe(Effect.tapError((failure) => block(failure, 0))),
    run: ({ title, body, head, base }) =>
      Effect.gen(function* () {
        const { api, scope } = yield* forgeOf(context)
        const first = yield* Effect.mapError(openOne(api, scope), failureOfForge)
        if (first !== undefined) return { answer: { number: first }, detail: `PR #${first} is already open` }
        const pr = { title, body, head, ...(base === undefined ? {} : { base }) }
        const number = yield* Effect.mapError(api.openPr(pr), failureOfForge)
        yield* scope.add(number)
        yield* context.remember(number)
        yield* tellOrWarn(context, { ...(yield* stamp(context)), kind: "pr-opened", number })
        return { answer: { number }, detail: `opened PR #${number} from ${head}` }
      }).pipe(oneAtATime),
  }
}

/** The newest of the run's PRs that is open. */
const openOne = Effect.fnUntraced(function* (api: ForgeApi, scope: RunScope) {
  const { prs } = yield* scope.resolved
  for (const pr of prs.toSorted((a, b) => b - a)) {
    if (yield* api.isPrOpen(pr)) return pr
  }
  return undefined
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

const noForge = new CallFailure({ kind: "no-forge", message: "this run has no forge" })

const forgeOf = ({ forge }: CallContext): Effect.Effect<RunForge, CallFailure> =>
  forge === undefined ? Effect.fail(noForge) : Effect.succeed(forge)

const headDenied = (head: string, push: ReadonlyArray<string>) =>
  new CallFailure({
    kind: "scope",
    message: `open_pr from "${head}" denied: out of assigned scope (this bottle may push: ${push.join(", ")})`,
  })

const refuseClosing = Effect.fnUntraced(function* (forge: RunForge, body: string) {
  const { owner, repo } = forge.api.repository
  const find = (writable: ReadonlyArray<number>) => closingReferenceOutside(body, { owner, repo, writable })
  if (find((yield* forge.scope.known).writable) === undefined) return
  const { writable } = yield* forge.scope.resolved
  const found = find(writable)
  if (found === undefined) return
  return yield* new CallFailure({
    kind: "scope",
    message: `"${found.keyword}" before "${found.reference}" would close or reopen it, and it is out of assigned scope (writable: ${writable.join(", ")}): reword the text`,
  })
})

const blocking = (context: CallContext, operation: string) => {
  let left = BLOCKED_EVENTS_MAX
  return (failure: CallFailure, number: number): Effect.Effect<void> =>
    Effect.suspend(() => {
      const { forge } = context
      if (failure.kind !== "scope" || forge === undefined || (left -= 1) < 0) return Effect.void
      return Effect.gen(function* () {
        const { writable } = yield* forge.scope.known
        const event = {
          ...(yield* stamp(context)),
          kind: "blocked-write" as const,
          operation,
          number,
          writable,
        }
        yield* tellOrWarn(context, event)
      })
    })
}

const tellOrWarn = (context: CallContext, event: QueueEvent): Effect.Effect<void> =>
  Effect.catchAll(context.tell(event), (error) => Effect.logError(`${event.kind} could not be queued`, error))

const stamp = ({ slug }: CallContext) =>
  Effect.map(Clock.currentTimeMillis, (now) => ({
    version: 1 as const,
    slug,
    at: new Date(now).toISOString(),
  }))
