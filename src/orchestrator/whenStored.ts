/** whenStored: passes over the tables that are only made when there may be something new in them. */
import { Clock, Effect } from "effect"
import { StoreRevision } from "../services/StoreRevision.ts"

/** A pass is made at least this often, in milliseconds: what it finds may also depend on what no table says. */
const AT_LEAST = 60_000

/**
 * Returns an effect that runs `pass` when something was stored since the last one began, when the time has come that the last one
 * returned (null: none), and when that one failed. With `isWanted` also whenever that holds.
 */
export const whenStored = <E, R>(
  pass: Effect.Effect<number | null, E, R>,
  isWanted: (now: number) => boolean = () => false,
) =>
  Effect.map(StoreRevision, (revision) => {
    let seen: string | undefined
    let nextAt = 0
    return Effect.gen(function* () {
      const current = yield* revision
      const now = yield* Clock.currentTimeMillis
      // A clock that was set back has not made the next pass far.
      const isNear = now < nextAt && nextAt - now <= AT_LEAST
      if (current !== undefined && current === seen && isNear && !isWanted(now)) return
      seen = undefined
      nextAt = Math.min((yield* pass) ?? Infinity, now + AT_LEAST)
      seen = current
    })
  })
