/**
 * Tracing of what the service does. A trace begins with what was heard about an issue and has the operation that this started, the run,
 * its calls at the neck, and the freeze. The trace's identity is in the operation log, so that a service that starts later goes on with it.
 */
import { Cause, Context, Effect, Exit, Option, Tracer } from "effect"

/** How the service traces; none unless its options name a tracer. */
export class Tracing extends Context.Reference<Tracing>()("bot-bottle/Tracing", {
  defaultValue: (): Option.Option<TracingParts> => Option.none(),
}) {}

/** A tracer, and the spans that operations begin under, by the operation's ID. */
export interface TracingParts {
  readonly tracer: Tracer.Tracer
  readonly roots: Map<string, Tracer.AnySpan>
}

/** The parts for a tracer. */
export const tracingBy = (tracer: Tracer.Tracer): TracingParts => ({
  tracer: discreet(tracer),
  roots: new Map(),
})

/**
 * The same tracer for traces of runs alone. What is made once and kept, such as a backend, belongs to whatever was at work before it was
 * traced, and is left out with all below it. Spans come without what errors and log lines say, and without where in the code they were
 * made: of a failure only its tag is passed on.
 */
const discreet = (tracer: Tracer.Tracer): Tracer.Tracer => {
  const own = new WeakSet<Tracer.AnySpan>()
  return Tracer.make({
    context: (run, fiber) => tracer.context(run, fiber),
    span: (...given) => {
      const span = tracer.span(...given)
      const isOwn = Option.match(given[1], {
        onNone: () => true,
        onSome: (parent) => parent._tag === "ExternalSpan" || own.has(parent),
      })
      if (!isOwn) return Object.assign(span, { end: () => {} })
      own.add(span)
      const end = span.end.bind(span)
      const attribute = span.attribute.bind(span)
      return Object.assign(span, {
        end: (at: bigint, exit: Exit.Exit<unknown, unknown>) => end(at, Exit.mapErrorCause(exit, tagOnly)),
        attribute: (key: string, value: unknown) => {
          if (key.startsWith("bot_bottle.")) attribute(key, value)
        },
        event: () => {},
      })
    },
  })
}

const tagOnly = (cause: Cause.Cause<unknown>): Cause.Cause<unknown> => {
  if (Cause.isInterruptedOnly(cause)) return cause
  const error = Cause.squash(cause)
  const tag = typeof error === "object" && error !== null && "_tag" in error ? String(error._tag) : "Defect"
  return Cause.fail({ _tag: tag, message: tag })
}

/** W3C's `traceparent` of a span. */
export const traceparentOf = ({ traceId, spanId }: Tracer.AnySpan): string => `00-${traceId}-${spanId}-01`

/** The span that a `traceparent` names. */
export const spanOf = (traceparent: string): Option.Option<Tracer.ExternalSpan> => {
  const [, traceId, spanId] = TRACEPARENT.exec(traceparent) ?? []
  return traceId === undefined || spanId === undefined
    ? Option.none()
    : Option.some(Tracer.externalSpan({ traceId, spanId, sampled: true }))
}

const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}$/

/** A span that is over. Times are in milliseconds since the epoch. */
export const pastSpan = (
  { tracer }: TracingParts,
  past: {
    readonly name: string
    readonly parent: Option.Option<Tracer.AnySpan>
    readonly kind?: Tracer.SpanKind
    readonly from: number
    readonly to: number
    /** What went wrong, as a tag. */
    readonly problem?: string
    readonly attributes: Readonly<Record<string, string | number>>
  },
): Tracer.Span => {
  const { name, parent, kind = "internal", from, to, problem, attributes } = past
  const span = tracer.span(name, parent, Context.empty(), [], nanos(from), kind)
  for (const [key, value] of Object.entries(attributes)) span.attribute(`bot_bottle.${key}`, value)
  span.end(nanos(Math.max(from, to)), problem === undefined ? Exit.void : Exit.fail({ _tag: problem }))
  return span
}

const nanos = (milliseconds: number): bigint => BigInt(Math.round(milliseconds)) * 1_000_000n

/** Does something with the tracing of this service, if it has any. */
export const whenTracing = <A, E, R>(
  what: (parts: TracingParts) => Effect.Effect<A, E, R>,
): Effect.Effect<Option.Option<A>, E, R> =>
  Effect.flatMap(Tracing, (tracing) => Effect.transposeMapOption(tracing, what))
