/** Compares ISO 8601 texts as instants. */
import { DateTime, Option } from "effect"

/** Before every instant that ISO 8601 can express: the value of `""` and of a text that is not a time. */
export const BEFORE_ALL = Number.MIN_SAFE_INTEGER

/** Milliseconds since the epoch of an ISO 8601 text (UTC when it names no offset), {@link BEFORE_ALL} when it is none. */
export const instantOf = (text: string): number =>
  ISO_8601.test(text)
    ? Option.match(DateTime.make(text), { onNone: () => BEFORE_ALL, onSome: DateTime.toEpochMillis })
    : BEFORE_ALL

/** `Date` accepts far more than ISO 8601: it reads "1" as a year. */
const ISO_8601 = /^(\d{4}|[+-]\d{6})-\d{2}-\d{2}([T ]\d{2}:\d{2}|$)/
