/** readLogs: the stored output of a bottle's agent. */
import { Effect, Option, Stream } from "effect"
import { BottleNotFound, InvalidInput } from "../domain/Errors.ts"
import { Backends } from "../services/Backends.ts"
import { BottleStore } from "../services/BottleStore.ts"
import { parseSlug } from "./parseSlug.ts"

/** Options of `readLogs`. */
export interface LogsOptions {
  /** The newest run unless given. */
  readonly run?: number | undefined
  /** Follow until the agent ends. */
  readonly follow?: boolean
  /** Leaves out what was written before, in milliseconds since the epoch. Up to two seconds more may be returned. */
  readonly since?: number | undefined
}

/** The bytes that the agent of a bottle wrote in one run, stdout and stderr in order of arrival. */
export const readLogs = (name: string, options: LogsOptions = {}) =>
  Stream.unwrap(
    Effect.gen(function* () {
      const slug = yield* parseSlug(name)
      const row = yield* (yield* BottleStore).get(slug)
      if (Option.isNone(row)) return yield* new BottleNotFound({ slug })
      const run = options.run ?? row.value.run
      if (run < 1 || run > row.value.run) {
        return yield* new InvalidInput({
          field: "run",
          reason: `bottle "${slug}" has runs 1 to ${row.value.run}`,
        })
      }
      const backend = yield* (yield* Backends).get(row.value.spec.backend)
      return backend.logs(slug, run, options.follow === true, options.since)
    }),
  )
