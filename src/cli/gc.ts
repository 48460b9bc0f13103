/** `gc`: removes what no bottle needs any more. */
import { Command, Options } from "@effect/cli"
import { Effect } from "effect"
import type { GarbageEvent } from "../programs/collectGarbage.ts"
import { reportFailures } from "./failure.ts"
import { note, printJson, printLine, table } from "./output.ts"
import { json } from "./shared.ts"

const spec = {
  dryRun: Options.boolean("dry-run").pipe(
    Options.withDescription("Show what would be removed, and remove nothing"),
  ),
  json,
}

/** `gc` */
export const gc = Command.make("gc", spec, (options) =>
  Effect.gen(function* () {
    const { collectGarbage, forgeAccess, live, retentionOf } = yield* Effect.promise(
      () => import("./lazy/run.ts"),
    )
    const events: Array<GarbageEvent> = []
    yield* collectGarbage({
      dryRun: options.dryRun,
      forgeEnv: yield* forgeAccess,
      retention: yield* retentionOf,
      observe: (event) => Effect.sync(() => void events.push(event)),
    }).pipe(Effect.ensuring(Effect.suspend(() => show(events, options))), Effect.provide(live))
  }).pipe(reportFailures(options.json)),
).pipe(Command.withDescription("Remove what no bottle needs any more"))

const show = (
  events: ReadonlyArray<GarbageEvent>,
  options: { readonly dryRun: boolean; readonly json: boolean },
): Effect.Effect<void> => {
  if (options.json) return printJson(events)
  if (events.length === 0) return note("nothing to remove")
  const rows = events.map(({ kind, slug, backend, reason, outcome, problem }) => [
    outcome === "found" ? "would be removed" : outcome,
    kind,
    slug || "-",
    backend || "-",
    problem ?? reason,
  ])
  return Effect.zipRight(
    printLine(table(["", "WHAT", "SLUG", "BACKEND", "WHY"], rows)),
    options.dryRun ? note('"bot-bottle gc" removes them') : Effect.void,
  )
}
