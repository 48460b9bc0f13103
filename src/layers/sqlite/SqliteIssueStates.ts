/** IssueStates on SQLite: the state as JSON in the row of its issue, beside the columns used in queries. */
import { Array as Arr, Effect, Layer, Option, Schema } from "effect"
import type { StateStoreError } from "../../domain/Errors.ts"
import { decisionEntry } from "../../domain/orchestrator/History.ts"
import type { IssueKey, Page } from "../../domain/orchestrator/IssueKey.ts"
import { IssueState, newIssueState } from "../../domain/orchestrator/IssueState.ts"
import {
  type CommitResult,
  type IssueCommit,
  revised,
  rowsOf,
  StoredIssue,
} from "../../domain/orchestrator/StoredIssue.ts"
import { IssueStates } from "../../services/IssueStates.ts"
import * as Database from "./Database.ts"
import { ISSUE_COLUMNS, issueParams, jsonOf, OF_ISSUE, rowsBy } from "./issueColumns.ts"
import type { Run } from "./run.ts"
import { COUNT, NO_ISSUES, searchedBy } from "./issueSearch.ts"
import { insertEntry } from "./SqliteHistory.ts"
import { markHandled, openHints } from "./SqliteInbox.ts"
import { insertOperation, inTheWayOf } from "./SqliteOperations.ts"
import { putMessages } from "./SqliteOutbox.ts"

/**
 * The states in the home's database, or in `filename`. Processes may share it. Fails when the database is newer, damaged or
 * inaccessible.
 */
export const layer = (options: Database.DatabaseOptions = {}): Layer.Layer<IssueStates, StateStoreError> =>
  Layer.effect(IssueStates, make).pipe(Layer.provide(Database.layer(options)))

const make = Effect.gen(function* () {
  const database = yield* Database.Database
  const list = Effect.fnUntraced(function* (
    operation: string,
    which: string,
    params: ReadonlyArray<string>,
    { limit, after }: Page<IssueKey>,
  ) {
    const rows = yield* database.run(operation)(
      `SELECT ${COLUMNS} FROM issue_state WHERE ${which} AND (forge, owner, repo, issue_number) > (?, ?, ?, ?)
       ORDER BY forge, owner, repo, issue_number LIMIT ?`,
      ...params,
      ...(after === undefined ? FIRST : issueParams(after)),
      limit,
    )
    return yield* readRows(operation)(rows)
  })
  return IssueStates.of({
    get: Effect.fn("IssueStates.get")((issue) => read(database.run("get"), "get", issue)),
    commit: Effect.fn("IssueStates.commit")((commit) =>
      database.durable("commit", (run) => store(run, commit)),
    ),
    revise: Effect.fn("IssueStates.revise")((issue, change) =>
      database.immediate("revise", (run) =>
        Effect.gen(function* () {
          const found = yield* read(run, "revise", issue)
          const next = Option.map(found, (issue) => revised(issue, change))
          if (Option.isSome(next)) yield* write(run, "revise", next.value)
          return next
        }),
      ),
    ),
    due: Effect.fn("IssueStates.due")(function* (now, { limit, after }) {
      const rows = yield* database.run("due")(
        `SELECT ${COLUMNS} FROM issue_state WHERE next_ms <= ? AND (next_ms, forge, owner, repo, issue_number) > (?, ?, ?, ?, ?)
         ORDER BY next_ms, forge, owner, repo, issue_number LIMIT ?`,
        now,
        wholeMs(after?.state.nextAt ?? Number.MIN_SAFE_INTEGER),
        ...(after === undefined ? FIRST : issueParams(after)),
        limit,
      )
      return yield* readRows("due")(rows)
    }),
    waiting: Effect.fn("IssueStates.waiting")((kind, page) => list("waiting", "waits = ?", [kind], page)),
    live: Effect.fn("IssueStates.live")((page) => list("live", LIVE, [], page)),
    all: Effect.fn("IssueStates.all")((page) => list("all", "true", [], page)),
    search: Effect.fn("IssueStates.search")(function* (search) {
      const { where, params } = searchedBy(search)
      const rows = yield* database.run("search")(
        `SELECT ${COLUMNS} FROM issue_state WHERE ${where}
         ORDER BY decided_ms DESC, forge, owner, repo, issue_number LIMIT ?`,
        ...params,
        search.limit,
      )
      return yield* readRows("search")(rows)
    }),
    count: Effect.map(database.run("count")(COUNT), (rows) => ({
      ...NO_ISSUES,
      ...Object.fromEntries(rows.map(({ phase, count }) => [String(phase), Number(count)])),
    })),
  })
})

/** The condition of the index `issue_state_live`, word for word: SQLite uses a partial index only for its own condition. */
const LIVE = "json_extract(state, '$.live') = 1"

/** Sorts before every issue. */
const FIRST = ["", "", "", 0] as const

const COLUMNS = `${ISSUE_COLUMNS}, state, rule, waits, decided_ms AS decidedAt, title`
const UPSERT = `INSERT INTO issue_state (forge, owner, repo, issue_number, version, phase, next_ms, state, rule, waits, decided_ms, title)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET owner = excluded.owner, repo = excluded.repo, version = excluded.version, phase = excluded.phase, next_ms = excluded.next_ms, state = excluded.state,
    rule = excluded.rule, waits = excluded.waits, decided_ms = excluded.decided_ms, title = excluded.title`

/** Runs inside an immediate transaction, without other writers. */
const store = Effect.fnUntraced(function* (run: Run, commit: IssueCommit) {
  const current = yield* read(run, "commit", commit.issue)
  const { issue, operation } = rowsOf(commit, Option.getOrUndefined(current))
  const version = Option.match(current, { onNone: () => 0, onSome: (row) => row.state.version })
  if (version !== issue.state.version - 1) return { _tag: "Outdated", version } satisfies CommitResult
  const other = operation === undefined ? Option.none() : yield* inTheWayOf(run, operation)
  if (Option.isSome(other)) return { _tag: "OperationExists", operation: other.value } satisfies CommitResult
  yield* write(run, "commit", issue)
  if (operation !== undefined) yield* insertOperation(run, operation)
  const hints = yield* openHints(run, commit.handled)
  yield* insertEntry(run, decisionEntry(commit, Option.getOrUndefined(current), hints))
  yield* markHandled(run, commit.handled, commit.at)
  yield* putMessages(run, commit.messages ?? [], commit.at)
  return { _tag: "Committed", issue, ...(operation !== undefined && { operation }) } satisfies CommitResult
})

const write = Effect.fnUntraced(function* (run: Run, name: string, issue: StoredIssue) {
  const { state, rule, waits, decidedAt, title } = issue
  const text = yield* encodeState(name, issue, state)
  yield* run(
    UPSERT,
    ...issueParams(issue),
    state.version,
    state.phase,
    wholeMs(state.nextAt),
    text,
    rule,
    waits,
    decidedAt,
    title,
  )
})
const encodeState = jsonOf(IssueState, "state")

/** The column holds integers. */
const wholeMs = (at: number | null) => (at === null ? null : Math.ceil(at))

const read = (
  run: Run,
  operation: string,
  issue: IssueKey,
): Effect.Effect<Option.Option<StoredIssue>, StateStoreError> =>
  run(`SELECT ${COLUMNS} FROM issue_state WHERE ${OF_ISSUE}`, ...issueParams(issue)).pipe(
    Effect.flatMap(readRows(operation)),
    Effect.map(Arr.head),
  )

/** A field that an earlier version did not write has its initial value. */
const StateColumn = Schema.transform(
  Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.Unknown })),
  IssueState,
  { strict: false, decode: (stored) => ({ ...newIssueState, ...stored }), encode: (state) => state },
)
const readRows = (operation: string) => {
  const rows = rowsBy(Schema.Struct({ ...StoredIssue.fields, state: StateColumn }), "state")(operation)
  return (found: Parameters<typeof rows>[0]) =>
    Effect.map(rows(found), (all) =>
      all.map((fields) => new StoredIssue(fields, { disableValidation: true })),
    )
}
