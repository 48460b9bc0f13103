/**
 * Runs a call at the neck: checks its parameters, writes its line in the operation log before its response, and words its failure for
 * the agent.
 */
import { Cause, Effect, Either, Exit, Option, type ParseResult, Schema } from "effect"
import { CallFailure, internalFailure } from "./CallFailure.ts"
import { SECRET_REFUSALS } from "../../domain/SecretRefusals.ts"
import { firstProblem } from "../../domain/firstProblem.ts"
import { logFull } from "./limits.ts"
import { type McpContent, textContent } from "./McpTools.ts"
import { type EndWords, around } from "../record/around.ts"
import type { OperationEntry } from "../record/OperationChain.ts"
import type { LogUnwritable, CallLog } from "../record/OperationLog.ts"

/** One method of the neck. */
export interface Call {
  readonly name: string
  /** Runs it with unparsed parameters. Returns JSON. */
  readonly run: (params: unknown) => Effect.Effect<unknown, CallFailure>
  /** The same, with the result as text for people and agents. */
  readonly text: (params: unknown) => Effect.Effect<string, CallFailure>
  /** The same, with the result as MCP content for a model. */
  readonly contents: (params: unknown) => Effect.Effect<ReadonlyArray<McpContent>, CallFailure>
}

/** The result of a call, and what the operation log says about it. */
export interface Done<A> {
  readonly answer: A
  readonly detail: string
}

/** A method before it is connected to a log. */
export interface CallSpec<P, A, PI = P, AI = A> {
  readonly name: string
  readonly params: Schema.Schema<P, PI>
  readonly success: Schema.Schema<A, AI>
  /** The result as text. */
  readonly show: (answer: A) => string
  /** The result for a model; as JSON unless given. */
  readonly contents?: (answer: A) => ReadonlyArray<McpContent>
  /** What it works on, such as `#17`. */
  readonly target: (params: P) => string
  /** Whether it writes: a `begin` line is then appended before it and an `end` line after it. */
  readonly writes: boolean
  /** Refuses the call before anything is done. Also gets the unparsed parameters. */
  readonly guard: (params: P, given: unknown) => Effect.Effect<void, CallFailure>
  readonly run: (params: P) => Effect.Effect<Done<A>, CallFailure>
}

/** Connects a method to the log. A call whose line cannot be appended before it acts is refused. */
export const makeCall = <P, A, PI, AI>(log: CallLog, spec: CallSpec<P, A, PI, AI>): Call => {
  const decode = Schema.decodeUnknownEither(spec.params, { onExcessProperty: "error" })
  const validate = Schema.validateSync(spec.success)
  const answered =
    <T>(render: (answer: A) => T) =>
    (given: unknown): Effect.Effect<T, CallFailure> =>
      Effect.suspend(() => {
        const params = decode(given)
        return Either.isLeft(params)
          ? refuse(log, spec.name, "", paramsFailure(params.left))
          : perform(log, spec, { params: params.right, given }, render)
      })
  const encode = Schema.encodeSync(spec.success, ENCODE)
  const { contents } = spec
  return {
    name: spec.name,
    run: answered<unknown>(encode),
    text: answered((answer) => spec.show(validate(answer))),
    contents: answered(
      contents === undefined ? (answer) => jsonOf(encode(answer)) : (answer) => contents(validate(answer)),
    ),
  }
}

const jsonOf = (result: unknown) => textContent(result === null ? "done" : JSON.stringify(result))

/** Fields keep the order in which they came. */
const ENCODE = { propertyOrder: "original" } as const

/** Logs a refused call, and fails with its failure. */
export const refuse = (
  log: CallLog,
  op: string,
  target: string,
  failure: CallFailure,
): Effect.Effect<never, CallFailure> =>
  log
    .append({ ...outcomeOf(failure), op, target, durationMs: 0, detail: `${op} was not done` })
    .pipe(Effect.mapError(unlogged), Effect.zipRight(Effect.fail(failure)))

const perform = <P, A, PI, AI, T>(
  log: CallLog,
  spec: CallSpec<P, A, PI, AI>,
  { params, given }: { readonly params: P; readonly given: unknown },
  render: (answer: A) => T,
): Effect.Effect<T, CallFailure> => {
  const target = spec.target(params)
  const { name: op } = spec
  // A result that does not match its schema is an internal error, and is logged as one.
  const acted = Effect.suspend(() => Effect.map(spec.run(params), rendered(render)))
  const logged = spec.writes ? between(log, { op, target }, acted) : before(log, { op, target }, acted)
  const guarded = spec.guard(params, given)
  return guarded === Effect.void
    ? logged
    : guarded.pipe(
        Effect.catchAllCause((cause) => {
          const failure = toldApart(cause)
          // The subject of a call may contain the secret.
          const refused = refuse(log, op, failure.kind === "secret" ? "" : target, failure)
          return Effect.zipRight(reported(cause), refused)
        }),
        Effect.zipRight(logged),
      )
}

const rendered =
  <A, T>(render: (answer: A) => T) =>
  ({ answer, detail }: Done<A>): Done<T> => ({ answer: render(answer), detail })

/** Runs a call that has a line before it and one after it. */
const between = <A>(
  log: CallLog,
  { op, target }: Pick<OperationEntry, "op" | "target">,
  acted: Effect.Effect<Done<A>, CallFailure>,
): Effect.Effect<A, CallFailure> =>
  around(log)(
    { op, target, detail: `${op} ${target}`, ended: wordsOf(op) },
    Effect.catchAllCause(acted, (cause) => Effect.zipRight(reported(cause), Effect.fail(toldApart(cause)))),
  ).pipe(
    Effect.mapBoth({
      onFailure: (failure) => (failure instanceof CallFailure ? failure : unlogged(failure)),
      onSuccess: ({ answer }) => answer,
    }),
  )

/** Runs a call that has one line, which is written before the response. In few steps: each one costs as much as a line's hash. */
const before = <A>(
  log: CallLog,
  { op, target }: Pick<OperationEntry, "op" | "target">,
  acted: Effect.Effect<Done<A>, CallFailure>,
): Effect.Effect<A, CallFailure> =>
  Effect.clockWith((clock) => {
    const start = clock.unsafeCurrentTimeMillis()
    const append = <T>(words: EndWords, then: Effect.Effect<T, CallFailure>): Effect.Effect<T, CallFailure> =>
      Effect.matchEffect(log.append(entryOf(op, target, words, clock.unsafeCurrentTimeMillis() - start)), {
        onFailure: (failure) => Effect.fail(unlogged(failure)),
        onSuccess: () => then,
      })
    return Effect.matchCauseEffect(acted, {
      onFailure: (cause) => {
        const failure = toldApart(cause)
        return Effect.zipRight(reported(cause), append(failed(op, failure), Effect.fail(failure)))
      },
      onSuccess: (done) => append(succeeded(done), Effect.succeed(done.answer)),
    })
  })

/** Always with the same fields in the same order, so that V8 finds them at once. */
const entryOf = (
  op: string,
  target: string,
  { outcome, reason, detail }: EndWords,
  durationMs: number,
): OperationEntry => {
  const entry = { op, target, outcome, durationMs, detail }
  return reason === undefined ? entry : { ...entry, reason }
}

/** An interrupted call has no end line: it is unknown whether it was done. */
const wordsOf =
  (op: string) =>
  (exit: Exit.Exit<Pick<EndWords, "detail">, CallFailure>): Option.Option<EndWords> =>
    Exit.isSuccess(exit)
      ? Option.some(succeeded(exit.value))
      : Option.map(Cause.failureOption(exit.cause), (failure) => failed(op, failure))

const succeeded = ({ detail }: Pick<EndWords, "detail">): EndWords => ({ outcome: "ok", detail })

const failed = (op: string, failure: CallFailure): EndWords => ({
  ...outcomeOf(failure),
  detail: `${op} failed`,
})

/** If a call's line cannot be written, it is not done or its result is not returned. */
const unlogged = ({ full }: LogUnwritable): CallFailure =>
  full === true ? new CallFailure({ kind: "limit", message: logFull.message }) : internalFailure

const outcomeOf = (failure: CallFailure): Pick<OperationEntry, "outcome" | "reason"> => ({
  outcome: REJECTIONS.has(failure.kind) ? "rejected" : "failed",
  reason: `${failure.kind === "forge" ? `forge answered ${failure.data?.status}` : REASONS[failure.kind]}${
    failure.hint === undefined ? "" : `: ${failure.hint}`
  }`,
})

const REJECTIONS: ReadonlySet<CallFailure["kind"]> = new Set([
  "request",
  "method",
  "params",
  "scope",
  "no-forge",
  "secret",
  "limit",
])

const REASONS: Readonly<Record<CallFailure["kind"], string>> = {
  request: "invalid request",
  method: "no such method",
  params: "invalid parameters",
  scope: "out of scope",
  forge: "the forge answered with an error",
  unreachable: "the forge did not answer",
  "no-forge": "no forge in this run",
  secret: SECRET_REFUSALS.text,
  limit: "limit reached",
  internal: "internal error",
}

/** The failure of a cause. An unexpected one is our own, and its text is not sent. */
const toldApart = (cause: Cause.Cause<CallFailure>): CallFailure =>
  Option.getOrElse(Cause.failureOption(cause), () => internalFailure)

/** Reports an unexpected failure to the operator. */
const reported = (cause: Cause.Cause<CallFailure>): Effect.Effect<void> =>
  Option.isSome(Cause.failureOption(cause)) ? Effect.void : Effect.logError("a call failed", cause)

const paramsFailure = (error: ParseResult.ParseError): CallFailure => {
  const { path, problem } = firstProblem(error)
  return new CallFailure({
    kind: "params",
    message: `invalid params: ${path === "" ? "expected an object of named parameters" : `${path} ${problem}`}`,
  })
}
