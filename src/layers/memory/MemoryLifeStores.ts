/** Inbox, IssueStates, Operations, Outbox and Usage in memory, over the same rows: for tests, and for programs that need no persistence. */
import { Array as Arr, Context, Effect, Layer, Option } from "effect"
import { type HintId, type InboxHint, InboxRow, routedHintId } from "../../domain/orchestrator/InboxHint.ts"
import { type IssueKey, issueId, type Page } from "../../domain/orchestrator/IssueKey.ts"
import {
  type CommitResult,
  type IssueCommit,
  revised,
  rowsOf,
  type StoredIssue,
} from "../../domain/orchestrator/StoredIssue.ts"
import { endedHint, finished, StoredOperation } from "../../domain/orchestrator/StoredOperation.ts"
import type { OutboxMessage, OutboxRow } from "../../domain/orchestrator/Outbox.ts"
import { RunUsage, type UsageOf, type UsageTotal } from "../../domain/orchestrator/Usage.ts"
import { Inbox } from "../../services/Inbox.ts"
import { IssueStates } from "../../services/IssueStates.ts"
import { Outbox } from "../../services/Outbox.ts"
import { Operations } from "../../services/Operations.ts"
import { Usage } from "../../services/Usage.ts"

/** All rows. Maps keep insertion order. */
interface Tables {
  readonly hints: Map<string, InboxRow>
  /** When hints were handled. */
  readonly handled: Map<string, number>
  readonly issues: Map<string, StoredIssue>
  readonly operations: Map<string, StoredOperation>
  readonly usage: Map<string, RunUsage>
  readonly outbox: Map<string, Sending>
  seq: number
}

/** A message. It is over when it was sent or given up. */
interface Sending {
  readonly row: OutboxRow
  readonly nextAt: number
  readonly overAt?: number
}

/** Empty stores, private to this layer. */
export const layer: Layer.Layer<Inbox | IssueStates | Operations | Outbox | Usage> = Layer.syncContext(() => {
  const tables: Tables = {
    hints: new Map(),
    handled: new Map(),
    issues: new Map(),
    operations: new Map(),
    usage: new Map(),
    outbox: new Map(),
    seq: 0,
  }
  return Context.make(Inbox, inboxOver(tables)).pipe(
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
  return IssueStates.of({
    get: (issue) => Effect.sync(() => find(issue)),
    commit: (commit) =>
      Effect.sync(() => {
        const result = resultOf(tables, commit)
        if (result._tag === "Committed") {
          put(result.issue)
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
    all: ({ limit, after }) =>
      Effect.sync(() =>
        [...tables.issues.values()]
          .sort(byKey)
          .filter((row) => after === undefined || byKey(row, after) > 0)
          .slice(0, limit),
      ),
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
    start: (id, started) =>
      change(id, (row) => new StoredOperation({ ...row, started: row.started ?? started })),
    finish: (id, end) =>
      change(id, (row) => {
        if (end.usage !== undefined) record(tables, new RunUsage({ ...row, ...end.usage }))
        accept(tables, endedHint(row, end.at))
        return finished(row, end)
      }),
  })
}

const outboxOver = (tables: Tables) => {
  const change = (id: string, to: (sending: Sending) => Sending) =>
    Effect.sync(() => {
      const sending = tables.outbox.get(id)
      if (sending !== undefined && sending.overAt === undefined) tables.outbox.set(id, to(sending))
    })
  return Outbox.of({
    put: (messages, at) => Effect.sync(() => send(tables, messages, at)),
    due: (now, limit) =>
      Effect.sync(() =>
        [...tables.outbox.values()]
          .filter(({ overAt, nextAt }) => overAt === undefined && nextAt <= now)
          .slice(0, limit)
          .map(({ row }) => row),
      ),
    unsent: (limit) =>
      Effect.sync(() =>
        [...tables.outbox.values()]
          .filter(({ overAt }) => overAt === undefined)
          .slice(0, limit)
          .map(({ row: { id, body, tries }, nextAt }) => ({ id, body, tries, nextAt })),
      ),
    over: (id, at) => change(id, (sending) => ({ ...sending, overAt: at })),
    again: (id, nextAt) => change(id, ({ row }) => ({ row: { ...row, tries: row.tries + 1 }, nextAt })),
    forget: (before) =>
      Effect.sync(() => {
        for (const [id, { overAt }] of tables.outbox)
          if (overAt !== undefined && overAt < before) tables.outbox.delete(id)
      }),
  })
}

const send = ({ outbox }: Tables, messages: ReadonlyArray<OutboxMessage>, at: number): void => {
  for (const message of messages)
    if (!outbox.has(message.id)) outbox.set(message.id, { row: { ...message, tries: 0 }, nextAt: at })
}

const usageOver = (tables: Tables) =>
  Usage.of({
    record: (usage) => Effect.sync(() => record(tables, usage)),
    total: (of) =>
      Effect.sync(() => [...tables.usage.values()].filter((row) => isAsked(row, of)).reduce(plus, NOTHING)),
  })

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

const resultOf = ({ issues, operations }: Tables, commit: IssueCommit): CommitResult => {
  const { issue, operation } = rowsOf(commit)
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

const record = ({ usage }: Tables, run: RunUsage): void => {
  const name = `${issueId(run)}/${run.generation}/${run.run}`
  if (!usage.has(name)) usage.set(name, run)
}

const NOTHING: UsageTotal = { runs: 0, seconds: 0, tokens: 0, cost: 0, unpriced: 0 }

const plus = (sum: UsageTotal, { seconds, tokens, cost }: RunUsage): UsageTotal => ({
  runs: sum.runs + 1,
  seconds: sum.seconds + seconds,
  tokens: sum.tokens + tokens,
  cost: sum.cost + (cost ?? 0),
  unpriced: sum.unpriced + (cost === null ? 1 : 0),
})

const isAsked = (row: RunUsage, of: UsageOf): boolean =>
  (of.day === undefined || of.day === row.day) &&
  (of.forge === undefined || of.forge === row.forge) &&
  (of.owner === undefined || isSame(of.owner, row.owner)) &&
  (of.repo === undefined || isSame(of.repo, row.repo)) &&
  (of.issueNumber === undefined || of.issueNumber === row.issueNumber)

interface Named {
  readonly forge: string
  readonly owner: string
  readonly repo: string
  readonly issueNumber: number | null
}

const isOf = (a: Named, b: Named): boolean =>
  a.forge === b.forge && isSame(a.owner, b.owner) && isSame(a.repo, b.repo) && a.issueNumber === b.issueNumber

const isSame = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase()

const byKey = (a: IssueKey, b: IssueKey): number =>
  byText(a.forge, b.forge) ||
  byText(a.owner.toLowerCase(), b.owner.toLowerCase()) ||
  byText(a.repo.toLowerCase(), b.repo.toLowerCase()) ||
  a.issueNumber - b.issueNumber

const byTime = (a: StoredIssue, b: StoredIssue): number =>
  (a.state.nextAt ?? 0) - (b.state.nextAt ?? 0) || byKey(a, b)

/** Names and addresses are ASCII. */
const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
