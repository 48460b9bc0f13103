/** Pages of rows that are in memory, the newest first. */
import { Effect, Schema } from "effect"
import { cursorOf } from "../api/page.ts"

/** Where a row stands: its time in ISO 8601, and a name that no other row has. */
const Place = Schema.Struct({ at: Schema.String, name: Schema.String })
type Place = typeof Place.Type

const placed = cursorOf(Place)

/** Negative when the first stands before the second, 0 for one and the same row. */
const order = (a: Place, b: Place): number =>
  a.at === b.at ? Number(a.name > b.name) - Number(a.name < b.name) : a.at < b.at ? 1 : -1

/** The page after a cursor. */
export const newestPage = Effect.fnUntraced(function* <Row>(
  rows: ReadonlyArray<Row>,
  placeOf: (row: Row) => Place,
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
) {
  const after = yield* placed.read(cursor)
  const rest = rows
    .filter((row) => after === undefined || order(placeOf(row), after) > 0)
    .toSorted((a, b) => order(placeOf(a), placeOf(b)))
  return yield* placed.page(rest, limit, placeOf)
})
