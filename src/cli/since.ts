/** `--since TIME`: a moment, or how long ago. */
import { Options } from "@effect/cli"
import { Clock, Duration, Effect, Option } from "effect"
import { durationOf } from "../domain/durationOf.ts"
import { InvalidInput } from "../domain/Errors.ts"
import { BEFORE_ALL, instantOf } from "../domain/Instant.ts"

/** `--since TIME`; `what` is what was recorded since then. */
export const since = (what: string) =>
  Options.text("since").pipe(
    Options.withPseudoName("TIME"),
    Options.withDescription(`Only ${what} since then: 45m, 1h30m, or 2026-11-20T10:00:00Z`),
    Options.optional,
  )

/** Milliseconds since the epoch of a duration before now, or of an RFC 3339 time. */
export const timeOf = Effect.fn("timeOf")(function* (text: string) {
  const length = Option.getOrUndefined(durationOf(text))
  if (length !== undefined) return (yield* Clock.currentTimeMillis) - Duration.toMillis(length)
  const at = instantOf(text)
  if (at !== BEFORE_ALL) return at
  return yield* new InvalidInput({
    field: "since",
    reason: `"${text}" is neither a duration (45m) nor a time (2026-11-20T10:00:00Z)`,
  })
})
