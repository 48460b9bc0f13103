/** triggerOf: who started a run that the service starts, for its provenance. */
import type { RunTrigger } from "../../domain/Bottle.ts"

/** People comment as often as they like; so many of them are named. */
const LOGINS_MAX = 20

/** The trigger of a run with that cause; each login is named once. */
export const triggerOf = (cause: string, logins: ReadonlyArray<string>): RunTrigger => ({
  by: "service",
  cause,
  logins: [...new Set(logins)].slice(0, LOGINS_MAX),
})
