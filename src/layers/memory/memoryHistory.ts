/** History in memory: entries in an array. */
import { Effect } from "effect"
import { History } from "../../services/History.ts"
import { addEntry, isOf, type Tables } from "./lifeTables.ts"

/** The history over the tables. */
export const historyOver = (tables: Tables) =>
  History.of({
    add: (entry) => Effect.sync(() => addEntry(tables, entry)),
    all: ({ limit, after }) =>
      Effect.sync(() => tables.history.filter(({ seq }) => seq > (after?.seq ?? 0)).slice(0, limit)),
    of: (issue, { limit, after }) =>
      Effect.sync(() =>
        tables.history
          .filter((row) => row.seq > (after?.seq ?? 0) && row.issue !== null && isOf(row.issue, issue))
          .slice(0, limit),
      ),
    newest: Effect.sync(() => tables.entries),
    forget: (before) =>
      Effect.sync(() => {
        tables.history.splice(0, tables.history.length, ...tables.history.filter(({ at }) => at >= before))
      }),
  })
