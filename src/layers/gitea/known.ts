/** What the forges of one process know of a Gitea for a short time, so that not every look at an issue asks it again. */
import { Clock, Duration, Effect, Redacted } from "effect"
import { createHash } from "node:crypto"
import type { ForgeSelf } from "../../services/Forge.ts"
import type { GiteaForgeConfig } from "./GiteaForgeConfig.ts"

/** The answer to a question, from memory while it holds. A failure is never kept. */
export type Memory<A> = <E>(key: string, ask: Effect.Effect<A, E>) => Effect.Effect<A, E>

/** What is known. Of people only a yes is kept: who was refused is asked about again each time, so that nobody's word is lost. */
export interface Known {
  /** The token's user. */
  readonly self: Memory<ForgeSelf>
  /** Whether somebody, such as an assignee, is a member of an organisation. */
  readonly isMember: Memory<boolean>
  /** Whether somebody is trusted in a repository. */
  readonly isTrusted: Memory<boolean>
}

/** Only a rename changes it, and what the name decides is who is mentioned. */
const SELF_HOLDS = "1 minute"
/** Somebody who was removed from a repository or an organisation may steer runs for so long. */
const PEOPLE_HOLD = "10 seconds"

/** Nothing is known yet. */
export const makeKnown = (): Known => ({
  self: makeMemory(SELF_HOLDS, () => true),
  isMember: makeMemory(PEOPLE_HOLD, (is) => is),
  isTrusted: makeMemory(PEOPLE_HOLD, (is) => is),
})

/** Asks each time. */
export const nothingKnown: Known = {
  self: (_, ask) => ask,
  isMember: (_, ask) => ask,
  isTrusted: (_, ask) => ask,
}

/** Makes keys for the answers to one token. They hold its digest, because the token itself must not be kept in a map. */
export const keysFor = ({ apiUrl, token }: Pick<GiteaForgeConfig, "apiUrl" | "token">) => {
  const digest = createHash("sha256").update(Redacted.value(token)).digest("hex")
  return (...parts: ReadonlyArray<string | number | undefined>): string =>
    JSON.stringify([apiUrl, digest, ...parts])
}

/** More than the people of a forge who speak within a minute. */
const ENTRIES_MAX = 10_000

const makeMemory = <A>(holds: Duration.DurationInput, isKept: (answer: A) => boolean): Memory<A> => {
  const nanos = BigInt(Duration.toMillis(holds)) * 1_000_000n
  const entries = new Map<string, { readonly answer: A; readonly until: bigint }>()
  return (key, ask) =>
    // Nobody sets this clock: what is known does not hold longer because the time was turned back.
    Effect.flatMap(Clock.currentTimeNanos, (now) => {
      const entry = entries.get(key)
      if (entry !== undefined && now < entry.until) return Effect.succeed(entry.answer)
      return Effect.tap(ask, (answer) =>
        Effect.sync(() => {
          entries.delete(key)
          if (!isKept(answer)) return
          if (entries.size >= ENTRIES_MAX) entries.clear()
          // From the question on: the forge may have answered before something changed.
          entries.set(key, { answer, until: now + nanos })
        }),
      )
    })
}
