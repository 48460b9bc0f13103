/** History, Inbox, IssueStates, Operations, Outbox and Usage in memory, over the same rows: for tests, and for programs that need no persistence. */
import { Array as Arr, Clock, Context, Effect, Layer, Option } from "effect"
import { decisionEntry, endEntry, startEntry } from "../../domain/orchestrator/History.ts"
import { type HintId, type InboxHint, InboxRow, routedHintId } from "../../domain/orchestrator/InboxHint.ts"
import { type IssueKey, issueId, type Page } from "../../domain/orchestrator/IssueKey.ts"
import { isFound, type IssuePlace } from "../../domain/orchestrator/IssueSearch.ts"
import { isOfInterest, issueStatus } from "../../domain/orchestrator/IssueStatus.ts"
import {
  type CommitResult,
  type IssueCommit,
  revised,
  rowsOf,
  type StoredIssue,
} from "../../domain/orchestrator/StoredIssue.ts"
import { endedHint, finished, StoredOperation } from "../../domain/orchestrator/StoredOperation.ts"
import { RunUsage, type RunUse } from "../../domain/orchestrator/Usage.ts"
import { History } from "../../services/History.ts"
import { Inbox } from "../../services/Inbox.ts"
import { IssueStates } from "../../services/IssueStates.ts"
import { Outbox } from "../../services/Outbox.ts"
import { Operations } from "../../services/Operations.ts"
import { Usage } from "../../services/Usage.ts"
import { addEntry, byKey, byTime, emptyTables, isOf, type Tables } from "./lifeTables.ts"
import { historyOver } from "./memoryHistory.ts"
import { outboxOver, send } from "./memoryOutbox.ts"
import { record, usageOver } from "./memoryUsage.ts"

/** Empty stores, private to this layer. */
export const layer: Layer.Layer<History | Inbox | IssueStates | Operations | Outbox | Usage> =
  Layer.syncContext(() => {
    const tables = emptyTables()
    return Context.make(Inbox, inboxOver(tables)).pipe(
      Context.add(History, historyOver(tables)),
      Context.add(IssueStates, issueStatesOver(tables)),
      Context.add(Operations, operationsOver(tables)),
      Context.add(Usage, usageOver(tables)),
      Context.add(Outbox, outboxOver(tables)),
    )
  })

const inboxOver = (tables: Tables) => {
  const list = (test: (row: InboxRow) => boolean) => [...tables.hints.values()].filter(test)
  const paged = ({ limit, after }: Page<Pick<InboxRow, "seq">>, rows: ReadonlyArray<InboxRow>) =>
    rows.filter(({ seq }) => seq > (after?.seq ?? 0)).slice(0, limit)
  return Inbox.of({
    accept: (hint) => Effect.sync(() => accept(tables, hint)),
    open: (issue) => Effect.sync(() => list((row) => row.state === "open" && isOf(row, issue))),
    waiting: (page) =>
      Effect.sync(() => {
        const open = list((row) => row.state === "open" && row.issueNumber !== null)
        return paged(page, Arr.dedupeWith(open, isOf))
      }),
    unrouted: (page) =>
      Effect.sync(() =>
        paged(
          page,
          list((row) => row.state === "open" && row.issueNumber === null),
        ),
      ),
    route: (id, issues, at) =>
      Effect.sync(() => {
        const row = tables.hints.get(id)
        if (row?.state !== "open") return
        for (const issueNumber of issues)
          accept(tables, { ...row, id: routedHintId(row.id, issueNumber), issueNumber })
        handle(tables, [id], at)
      }),
    handle: (ids, at) => Effect.sync(() => handle(tables, ids, at)),
    failed: (ids, problem, most) =>
      Effect.sync(() =>
        changeOpen(tables, ids, (row) => {
          const tries = row.tries + 1
          return new InboxRow({ ...row, tries, problem, state: tries >= most ? "set-aside" : "open" })
        }).flatMap(({ id, state }) => (state === "set-aside" ? [id] : [])),
      ),
    setAside: (page) =>
      Effect.sync(() =>
        paged(
          page,
          list((row) => row.state === "set-aside"),
        ),
      ),
    reopen: (issue) =>
      Effect.sync(() => {
        for (const row of list(({ state }) => state === "set-aside"))
          if (isOf(row, issue)) tables.hints.set(row.id, new InboxRow({ ...row, state: "open", tries: 0 }))
      }),
    forget: (before) =>
      Effect.sync(() => {
        const old = [...tables.handled].filter(([, at]) => at < before)
        for (const [id] of old) {
          tables.hints.delete(id)
          tables.handled.delete(id)
        }
        return old.length
      }),
  })
}

const issueStatesOver = (tables: Tables) => {
  const find = (issue: IssueKey) => Option.fromNullable(tables.issues.get(issueId(issue)))
  const put = (issue: StoredIssue) => void tables.issues.set(issueId(issue), issue)
  const list = (isWanted: (row: StoredIssue) => boolean, { limit, after }: Page<IssueKey>) =>
    Effect.sync(() =>
      [...tables.issues.values()]
        .filter((row) => isWanted(row) && (after === undefined || byKey(row, after) > 0))
        .sort(byKey)
        .slice(0, limit),
    )
  return IssueStates.of({
    get: (issue) => Effect.sync(() => find(issue)),
    commit: (commit) =>
      Effect.sync(() => {
        const before = tables.issues.get(issueId(commit.issue))
        const result = resultOf(tables, commit, before)
        if (result._tag === "Committed") {
          put(result.issue)
          const hints = commit.handled.flatMap((id) => tables.hints.get(id) ?? [])
          const open = Arr.dedupe(hints).filter(({ state }) => state === "open")
          addEntry(
            tables,
            decisionEntry(
              commit,
              before,
              open.toSorted((a, b) => a.seq - b.seq),
            ),
          )
          if (result.operation !== undefined) tables.operations.set(result.operation.id, result.operation)
          handle(tables, commit.handled, commit.at)
          send(tables, commit.messages ?? [], commit.at)
        }
        return result
      }),
    revise: (issue, change) =>
      Effect.sync(() => {
        const next = Option.map(find(issue), (row) => revised(row, change))
        if (Option.isSome(next)) put(next.value)
        return next
      }),
    due: (now, { limit, after }) =>
      Effect.sync(() =>
        [...tables.issues.values()]
          .filter(({ state }) => state.nextAt !== null && state.nextAt <= now)
          .sort(byTime)
          .filter((row) => after === undefined || byTime(row, after) > 0)
          .slice(0, limit),
      ),
    waiting: (kind, page) => list(({ waits }) => waits === kind, page),
    live: (page) => list(({ state }) => state.live, page),
    all: (page) => list(() => true, page),
    search: (search) =>
      Effect.sync(() => {
        const { after, limit } = search
        return [...tables.issues.values()]
          .filter((row) => isFound(search, row, isAside(tables, row)))
          .sort(byDecision)
          .filter((row) => after === undefined || byDecision(row, after) > 0)
          .slice(0, limit)
      }),
    count: Effect.sync(() => {
      const count = { idle: 0, running: 0, frozen: 0, destroyed: 0 }
      for (const row of tables.issues.values())
        if (row.state.phase !== "idle" || isOfInterest(issueStatus(row))) count[row.state.phase] += 1
      return count
    }),
  })
}

const operationsOver = (tables: Tables) => {
  const change = (id: string, to: (row: StoredOperation) => StoredOperation) =>
    Effect.sync(() => {
      const row = tables.operations.get(id)
      if (row === undefined || row.state !== "open") return Option.fromNullable(row)
      const next = to(row)
      tables.operations.set(id, next)
      return Option.some(next)
    })
  return Operations.of({
    get: (id) => Effect.sync(() => Option.fromNullable(tables.operations.get(id))),
    newest: (issue) => Effect.sync(() => Arr.findLast(tables.operations.values(), (row) => isOf(row, issue))),
    open: (host, { limit, after }) =>
      Effect.sync(() => {
        const rows = [...tables.operations.values()]
        const start = rows.findIndex(({ id }) => id === after?.id) + 1
        return rows
          .slice(start)
          .filter((row) => row.state === "open" && row.host === host)
          .slice(0, limit)
      }),
    runs: (issue, { limit, after }) =>
      Effect.sync(() => {
        const rows = [...tables.operations.values()].filter((row) => isOf(row, issue) && row.started !== null)
        const end = rows.findIndex(({ id }) => id === after?.id)
        return (end === -1 ? rows : rows.slice(0, end))
          .toReversed()
          .slice(0, limit)
          .map((operation) => ({ operation, use: runUse(tables, operation) }))
      }),
    start: (id, started) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        change(id, (row) => {
          const next = new StoredOperation({ ...row, started: row.started ?? started })
          if (row.started === null) addEntry(tables, startEntry(next, now))
          return next
        }),
      ),
    finish: (id, end) =>
      change(id, (row) => {
        addEntry(tables, endEntry(finished(row, end), end.at))
        if (end.usage !== undefined) record(tables, new RunUsage({ ...row, ...end.usage }))
        accept(tables, endedHint(row, end.at))
        return finished(row, end)
      }),
  })
}

const accept = (tables: Tables, hint: InboxHint): "accepted" | "known" => {
  if (tables.hints.has(hint.id)) return "known"
  tables.seq += 1
  const { id, forge, owner, repo, issueNumber, kind, receivedAt, detail } = hint
  const key = { id, forge, owner, repo, issueNumber, kind, receivedAt, detail }
  tables.hints.set(id, new InboxRow({ ...key, seq: tables.seq, state: "open", tries: 0, problem: null }))
  return "accepted"
}

const changeOpen = (
  { hints }: Tables,
  ids: ReadonlyArray<HintId>,
  change: (row: InboxRow) => InboxRow,
): ReadonlyArray<InboxRow> =>
  Arr.dedupe(ids).flatMap((id) => {
    const row = hints.get(id)
    if (row?.state !== "open") return []
    const next = change(row)
    hints.set(id, next)
    return [next]
  })

const handle = (tables: Tables, ids: ReadonlyArray<HintId>, at: number): void =>
  void changeOpen(tables, ids, (row) => {
    tables.handled.set(row.id, at)
    return new InboxRow({ ...row, state: "handled" })
  })

const resultOf = (
  { issues, operations }: Tables,
  commit: IssueCommit,
  before: StoredIssue | undefined,
): CommitResult => {
  const { issue, operation } = rowsOf(commit, before)
  const version = issues.get(issueId(issue))?.state.version ?? 0
  if (version !== issue.state.version - 1) return { _tag: "Outdated", version }
  if (operation === undefined) return { _tag: "Committed", issue }
  const other = [...operations.values()].find(
    (row) => row.id === operation.id || (row.state === "open" && isOf(row, issue)),
  )
  return other === undefined
    ? { _tag: "Committed", issue, operation }
    : { _tag: "OperationExists", operation: other.id }
}

const isAside = ({ hints }: Tables, issue: StoredIssue): boolean =>
  [...hints.values()].some((row) => row.state === "set-aside" && isOf(row, issue))

/** What the run of an operation used; null when nothing is counted. */
const runUse = ({ usage }: Tables, { started, generation, ...issue }: StoredOperation): RunUse | null => {
  const row = [...usage.values()].find(
    (it) => isOf(it, issue) && it.generation === generation && it.run === started?.run,
  )
  if (row === undefined) return null
  const { run, day, seconds, tokens, cost } = row
  return { run, day, seconds, tokens, cost }
}

/** The newest decision first. */
const byDecision = (a: IssuePlace, b: IssuePlace): number => b.decidedAt - a.decidedAt || byKey(a, b)
