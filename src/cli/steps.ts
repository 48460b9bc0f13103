/** The steps of a command, as the spans of its effects tell them: for `--log-level debug` and for the progress line. */
import { Effect, Tracer } from "effect"
import { logLine } from "./output.ts"

/** Receives each step as it begins, and returns what to do when it ends. */
export type Listener = (name: string) => () => void

/** Runs an effect and tells its steps to listeners. Without any it runs as it is. */
export const withSteps =
  (listeners: ReadonlyArray<Listener>) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    listeners.length === 0
      ? effect
      : Effect.flatMap(Effect.tracer, (tracer) => Effect.withTracer(effect, listening(tracer, listeners)))

const listening = (tracer: Tracer.Tracer, listeners: ReadonlyArray<Listener>): Tracer.Tracer =>
  Tracer.make({
    context: (run, fiber) => tracer.context(run, fiber),
    span: (name, ...rest) => {
      const span = tracer.span(name, ...rest)
      const ends = listeners.map((begin) => begin(name))
      const end = span.end.bind(span)
      span.end = (...how) => {
        end(...how)
        for (const tell of ends) tell()
      }
      return span
    },
  })

/** Steps in which somebody else uses the terminal. */
const ELSEWHERE = new Set(["Backend.attach", "Backend.shell"])

/** Whether a step gives the terminal to an agent or a shell. */
export const usesTerminal = (step: string): boolean => ELSEWHERE.has(step)

/**
 * A line on stderr when a step ends: when it began, since the command began, and how long it took. While an agent has the terminal the
 * lines wait.
 */
export const debugLines = (): Listener => {
  const begun = performance.now()
  const waiting: Array<string> = []
  let elsewhere = 0
  return (name) => {
    const from = performance.now()
    if (usesTerminal(name)) elsewhere++
    return () => {
      const [at, took] = [from - begun, performance.now() - from].map((ms) => (ms / 1000).toFixed(3))
      waiting.push(`debug: at ${at} s: ${name} took ${took} s`)
      if (usesTerminal(name)) elsewhere--
      if (elsewhere === 0) for (const line of waiting.splice(0)) logLine(line)
    }
  }
}
