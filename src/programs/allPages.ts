/** Reads all rows of a paged list. */
import { Effect } from "effect"
import type { Page } from "../domain/orchestrator/IssueKey.ts"

const LIMIT = 200

/** Every row, page by page. */
export const allPages = <Row, E, R>(
  read: (page: { readonly limit: number; readonly after?: Row }) => Effect.Effect<ReadonlyArray<Row>, E, R>,
): Effect.Effect<ReadonlyArray<Row>, E, R> =>
  Effect.gen(function* () {
    const rows: Array<Row> = []
    let page: Page<Row> = { limit: LIMIT }
    for (;;) {
      const found = yield* read(page)
      rows.push(...found)
      const last = found.at(-1)
      if (last === undefined || found.length < LIMIT) return rows
      page = { limit: LIMIT, after: last }
    }
  })
