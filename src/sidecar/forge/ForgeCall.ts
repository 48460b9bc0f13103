/** ForgeCall: everything about one call at the neck in one value, from which every protocol of the neck derives it. */
import { Effect, type Schema } from "effect"
import type { ForgeRequestError, ForgeScopeError } from "../../domain/Errors.ts"
import type { CallUsage } from "../../domain/ForgeCommands.ts"
import { type ForgeApi, type ForgeReads, readsOf, scoped } from "../../services/Forge.ts"
import { CallFailure, failureOfForge } from "./CallFailure.ts"
import { type Call, type Done, makeCall } from "./Calls.ts"
import {
  type CallContext,
  type NeckContext,
  type RunForge,
  type ServedForge,
  blocking,
  noForge,
  refuseClosing,
} from "./callContext.ts"
import { type McpContent, type McpTool, toolOf } from "./McpTools.ts"
import { refuseSecrets, stringsOf } from "./refuseSecrets.ts"

/** One call at the neck, whatever its parameters and its result are. Made by {@link make} or {@link makeLocal}. */
export interface ForgeCall {
  readonly usage: CallUsage
  readonly params: Schema.Schema.AnyNoContext
  readonly success: Schema.Schema.AnyNoContext
  readonly writes: boolean
  /** Its MCP listing; absent when models should not call it. */
  readonly tool: McpTool | undefined
  /**
   * Prepares it to serve one run.
   * @internal
   */
  readonly bind: (context: NeckContext) => Call
}

/** Why a call was not done: a failure in the agent's words, or the forge's own error, which is reworded. */
export type CallError = CallFailure | ForgeRequestError | ForgeScopeError

/**
 * The description of a call, without its implementation. `P` are its parameters and `A` is its result; `PI` and `AI` are their JSON
 * forms.
 */
export interface CallDescription<P, A, PI, AI> {
  /** Its name, and its use on a command line. */
  readonly usage: CallUsage<keyof PI & string>
  /** For models; without it the call is no MCP tool. */
  readonly description?: string
  /**
   * Parameters by name; others are refused. Messages that begin with `must be` reach the agent. All strings in them are searched for
   * secrets before anything is done.
   */
  readonly params: Schema.Schema<P, PI>
  /** Encodes results. */
  readonly success: Schema.Schema<A, AI>
  /** What the operation log names as the subject of the call, such as `#17`. */
  readonly subject: (params: P) => string
  /** The MCP content for a model; the result as JSON unless given. */
  readonly contents?: (answer: A) => ReadonlyArray<McpContent>
  /** The result as text. Texts that other people wrote on the forge must be quoted: see `quoted` and `inline`. */
  readonly show: (answer: A) => string
}

/** What a call writes, and what is refused before it writes. */
export interface WriteGuard<P> {
  /** The issue or pull request that it writes to: refused outside of the run's scope. `"none"`: it writes to no number. */
  readonly number: ((params: P) => number) | "none"
  /** Texts that the forge searches for closing keywords; every string among the parameters unless given. */
  readonly closing?: (params: P) => ReadonlyArray<string>
  /** Whether it counts as one of the run's comments (`limits.comments`). */
  readonly isComment?: boolean
}

/** A call that uses the given part of the forge. */
export interface ForgeCallSpec<P, A, PI, AI, Api extends ForgeReads> extends CallDescription<P, A, PI, AI> {
  /** Prepares it for one run. State of the run is kept here. */
  readonly serve: (context: CallContext) => {
    /** Refuses it for its own reasons, before the scope is checked. */
    readonly check?: (params: P, forge: RunForge<ForgeReads>) => Effect.Effect<void, CallFailure>
    /** Does it. Writes through `forge.api` are refused outside of the scope. */
    readonly run: (params: P, forge: RunForge<Api>) => Effect.Effect<Done<A>, CallError>
  }
}

/** A call that only reads. It gets no write methods. */
export interface ReadCallSpec<P, A, PI, AI> extends ForgeCallSpec<P, A, PI, AI, ForgeReads> {
  readonly writes?: never
}

/** A call that writes. */
export interface WriteCallSpec<P, A, PI, AI> extends ForgeCallSpec<P, A, PI, AI, ForgeApi> {
  readonly writes: WriteGuard<P>
}

/** A call that needs no forge. */
export interface LocalCallSpec<P, A, PI, AI> extends CallDescription<P, A, PI, AI> {
  /** Whether it changes anything: the operation log then has a line before it and one after it. */
  readonly writes: boolean
  /** Prepares it for one run. State of the run is kept here. */
  readonly serve: (context: CallContext) => {
    /** Refuses it before anything is done. */
    readonly check?: (params: P) => Effect.Effect<void, CallFailure>
    readonly run: (params: P) => Effect.Effect<Done<A>, CallFailure>
  }
}

/**
 * A call to the forge. In a run without a forge it is refused. Checked before it runs: `check`, then the scope of its write, closing
 * keywords, secrets, and the number of comments. A write outside of the scope becomes an event for the watcher.
 */
export const make: {
  <P, A, PI, AI>(spec: WriteCallSpec<P, A, PI, AI>): ForgeCall
  <P, A, PI, AI>(spec: ReadCallSpec<P, A, PI, AI>): ForgeCall
} = <P, A, PI, AI>(spec: ReadCallSpec<P, A, PI, AI> | WriteCallSpec<P, A, PI, AI>): ForgeCall =>
  describe(spec, spec.writes !== undefined, (context) => {
    if (context.forge === undefined) return { guard: () => noForge, run: () => noForge }
    return spec.writes === undefined
      ? reading(spec, context, context.forge)
      : writing(spec, context, context.forge)
  })

const reading = <P, A, PI, AI>(
  spec: ReadCallSpec<P, A, PI, AI>,
  context: NeckContext,
  served: ServedForge,
): Served<P, A> => {
  const { check, run } = spec.serve(givenOf(context))
  const forge = { ...served, api: readsOf(served.api) }
  const refuse = (given: unknown) => refuseSecrets(context.scanText, given)
  return {
    guard: (params, given) =>
      check === undefined ? refuse(given) : Effect.zipRight(check(params, forge), refuse(given)),
    run: (params) => Effect.mapError(run(params, forge), toFailure),
  }
}

const writing = <P, A, PI, AI>(
  spec: WriteCallSpec<P, A, PI, AI>,
  context: NeckContext,
  forge: ServedForge,
): Served<P, A> => {
  const { check, run } = spec.serve(givenOf(context))
  const { keeper, scanText } = context
  const { number, closing, isComment = false } = spec.writes
  const block = blocking(context, spec.usage.name)
  const reads = { ...forge, api: readsOf(forge.api) }
  const permit = Effect.fnUntraced(function* (params: P, given: unknown) {
    if (check !== undefined) yield* check(params, reads)
    if (number !== "none") yield* Effect.mapError(forge.scope.permit(number(params)), failureOfForge)
    const texts = closing?.(params) ?? stringsOf(given).map(([, text]) => text)
    for (const text of texts) yield* refuseClosing(forge, text)
    yield* refuseSecrets(scanText, given)
  })
  const guard = (params: P, given: unknown) =>
    Effect.tapError(permit(params, given), (failure) =>
      block(failure, number === "none" ? 0 : number(params)),
    )
  const act = (params: P) =>
    Effect.flatMap(forge.scope.known, (scope) =>
      Effect.mapError(run(params, { ...forge, api: scoped(forge.api, scope) }), toFailure),
    )
  return isComment
    ? {
        guard: (params, given) => Effect.zipRight(guard(params, given), keeper.takeComment),
        // Not counted if the forge refused it.
        run: (params) =>
          Effect.tapError(act(params), ({ kind }) => (kind === "forge" ? keeper.giveComment : Effect.void)),
      }
    : { guard, run: act }
}

/** A call that needs no forge. Its strings are searched for secrets after `check`. */
export const makeLocal = <P, A, PI, AI>(spec: LocalCallSpec<P, A, PI, AI>): ForgeCall =>
  describe(spec, spec.writes, (context) => {
    const { check, run } = spec.serve(givenOf(context))
    const refuse = (given: unknown) => refuseSecrets(context.scanText, given)
    return {
      guard: (params, given) =>
        check === undefined ? refuse(given) : Effect.zipRight(check(params), refuse(given)),
      run,
    }
  })

/** The steps of a call in one run. */
interface Served<P, A> {
  readonly guard: (params: P, given: unknown) => Effect.Effect<void, CallFailure>
  readonly run: (params: P) => Effect.Effect<Done<A>, CallFailure>
}

const describe = <P, A, PI, AI>(
  spec: CallDescription<P, A, PI, AI>,
  writes: boolean,
  serve: (context: NeckContext) => Served<P, A>,
): ForgeCall => {
  const { usage, description, params, success, show, subject, contents } = spec
  const { name } = usage
  return {
    usage,
    params,
    success,
    writes,
    tool: description === undefined ? undefined : toolOf({ name, description, params, reads: !writes }),
    bind: (context) =>
      makeCall(context.log, {
        name,
        params,
        success,
        show,
        ...(contents !== undefined && { contents }),
        target: subject,
        writes,
        ...serve(context),
      }),
  }
}

/** Listed by name: the forge in the neck's own context has no scope. */
const givenOf = ({ slug, propose, tell, remember, syncLog, asking }: NeckContext): CallContext => ({
  slug,
  propose,
  tell,
  remember,
  syncLog,
  asking,
})

const toFailure = (error: CallError): CallFailure =>
  error instanceof CallFailure ? error : failureOfForge(error)
