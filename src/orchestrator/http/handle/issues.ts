/** Answers about issues. */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import { Effect, Option, Schema } from "effect"
import { addressAt } from "../../../domain/ForgeStatus.ts"
import { IssueKey, type IssueNumber, Millis, OperationId } from "../../../domain/orchestrator/IssueKey.ts"
import { hintedStatus, type IssueStatus, issueStatus } from "../../../domain/orchestrator/IssueStatus.ts"
import type { IssueRun } from "../../../domain/orchestrator/StoredOperation.ts"
import { decodeStatement } from "../../../domain/Provenance.ts"
import { allPages } from "../../../programs/allPages.ts"
import { retryIssue } from "../../../programs/orchestrateRetry.ts"
import { hintedAlone } from "../../../programs/serviceStatus.ts"
import { ForgeStateStore } from "../../../services/ForgeStateStore.ts"
import { History } from "../../../services/History.ts"
import { Inbox } from "../../../services/Inbox.ts"
import { IssueStates } from "../../../services/IssueStates.ts"
import { Operations } from "../../../services/Operations.ts"
import { ProvenanceStore } from "../../../services/ProvenanceStore.ts"
import type { ServiceState } from "../../../services/ServiceState.ts"
import { Usage } from "../../../services/Usage.ts"
import { NotFound } from "../api/errors.ts"
import type { IssueView } from "../api/issues.ts"
import { cursorOf } from "../api/page.ts"
import { ServiceApi } from "../ServiceApi.ts"
import { orUnavailable } from "./failures.ts"
import { order } from "./order.ts"

type Stores =
  | ForgeStateStore
  | History
  | Inbox
  | IssueStates
  | Operations
  | ProvenanceStore
  | ServiceState
  | Usage

/** Money is counted in millionths. */
const MONEY = 1_000_000

const listed = cursorOf(Schema.Struct({ ...IssueKey.fields, decidedAt: Millis }))
const ofRuns = cursorOf(OperationId)
const ofTimeline = cursorOf(Schema.Struct({ seq: Schema.Int }))

/** The endpoints about issues of one forge. */
export const issues = (forge: string) =>
  HttpApiBuilder.group(ServiceApi, "issues", (handlers) =>
    Effect.map(Effect.context<Stores>(), (context) => {
      const withStores = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.provide(effect, context)
      return handlers
        .handle("list", ({ urlParams: { limit, cursor, ...asked } }) =>
          withStores(
            Effect.gen(function* () {
              const after = yield* listed.read(cursor)
              return yield* orUnavailable(list({ ...asked, limit, after }))
            }),
          ),
        )
        .handle("get", ({ path }) =>
          withStores(Effect.flatMap(known(keyOf(forge, path)), (status) => orUnavailable(detail(status)))),
        )
        .handle("runs", ({ path, urlParams: { limit, cursor } }) =>
          withStores(
            Effect.gen(function* () {
              const id = yield* ofRuns.read(cursor)
              const key = keyOf(forge, path)
              yield* known(key)
              const page = { limit: limit + 1, ...(id !== undefined && { after: { id } }) }
              const rows = yield* orUnavailable((yield* Operations).runs(key, page))
              const { items, next } = yield* ofRuns.page(rows, limit, ({ operation }) => operation.id)
              return { items: items.flatMap(runView), next }
            }),
          ),
        )
        .handle("timeline", ({ path, urlParams: { limit, cursor } }) =>
          withStores(
            Effect.gen(function* () {
              const after = yield* ofTimeline.read(cursor)
              const key = keyOf(forge, path)
              yield* known(key)
              const page = { limit: limit + 1, ...(after !== undefined && { after }) }
              const rows = yield* orUnavailable((yield* History).of(key, page))
              return yield* ofTimeline.page(rows, limit, ({ seq }) => ({ seq }))
            }),
          ),
        )
        .handle("retry", ({ path }) =>
          withStores(
            Effect.gen(function* () {
              const { forge: api, owner, repo, issueNumber } = yield* known(keyOf(forge, path))
              const issue = { forge: api, owner, repo, issueNumber }
              yield* order("retry", { issue }, orUnavailable(retryIssue(issue)))
              return yield* orUnavailable(Effect.flatMap(known(issue), viewOf))
            }),
          ),
        )
    }),
  )

interface IssuePath {
  readonly owner: string
  readonly repo: string
  readonly number: IssueNumber
}

const keyOf = (forge: string, { owner, repo, number }: IssuePath): IssueKey => ({
  forge,
  owner,
  repo,
  issueNumber: number,
})

interface Asked {
  readonly limit: number
  readonly after: (IssueKey & { readonly decidedAt: number }) | undefined
  readonly phase?: IssueStatus["phase"] | undefined
  readonly waits?: string | undefined
  readonly repository?: string | undefined
  readonly text?: string | undefined
  readonly all?: "true" | "false" | undefined
}

/** Issues of which only hints are known come first: they are few, and may be in trouble. */
const list = Effect.fnUntraced(function* ({ limit, after, phase, waits, repository, text, all }: Asked) {
  const [owner, repo] = repository?.split("/") ?? []
  const states = yield* IssueStates
  const rows = yield* states.search({
    limit: limit + 1,
    all: all === "true",
    ...(after !== undefined && { after }),
    ...(phase !== undefined && { phase }),
    ...(waits !== undefined && { waits }),
    ...(owner !== undefined && { owner }),
    ...(repo !== undefined && { repo }),
    ...(text !== undefined && text !== "" && { text }),
  })
  const { items, next } = yield* listed.page(rows, limit, (row) => ({
    ...keyOf(row.forge, { ...row, number: row.issueNumber }),
    decidedAt: row.decidedAt,
  }))
  const aside = yield* asideHints
  const isFirst = after === undefined && repository === undefined && text === undefined
  const alone =
    isFirst && waits === undefined && (phase ?? "idle") === "idle" ? yield* hintedAlone(ALONE_MAX) : []
  const statuses = [...alone, ...items.map((row) => issueStatus(row, aside.get(nameOf(row))))]
  return { items: yield* Effect.forEach(statuses, viewOf), next }
})

/** So many hints of issues of which nothing else is known are read. */
const ALONE_MAX = 20

const nameOf = ({
  forge,
  owner,
  repo,
  issueNumber,
}: Omit<IssueKey, "issueNumber"> & { issueNumber: number | null }) =>
  `${forge} ${owner} ${repo} ${issueNumber}`.toLowerCase()

/** The oldest hint of each issue that was set aside. */
const asideHints = Effect.gen(function* () {
  const hints = yield* allPages((yield* Inbox).setAside)
  return new Map(hints.toReversed().map((hint) => [nameOf(hint), hint]))
})

/** The status of an issue that was looked at, or that a hint named. */
const known = Effect.fnUntraced(function* (key: IssueKey) {
  const row = yield* orUnavailable((yield* IssueStates).get(key))
  const aside = yield* orUnavailable(asideHints)
  if (Option.isSome(row)) return issueStatus(row.value, aside.get(nameOf(key)))
  const hint = aside.get(nameOf(key)) ?? (yield* orUnavailable((yield* Inbox).open(key)))[0]
  if (hint !== undefined) return hintedStatus(key, hint)
  const name = `${key.owner}/${key.repo}#${key.issueNumber}`
  return yield* new NotFound({
    message: `${name} was never looked at: is its repository served, and is it labelled?`,
  })
})

const viewOf = Effect.fnUntraced(function* (status: IssueStatus) {
  const row = Option.getOrUndefined(yield* (yield* ForgeStateStore).get(status))
  const pr = Option.getOrNull(row?.prNumber ?? Option.none<number>())
  return {
    ...status,
    url: addressAt(status, "issues", status.issueNumber),
    bottle:
      row === undefined
        ? null
        : {
            slug: row.slug,
            agent: row.agentName,
            pr: pr === null ? null : { number: pr, url: addressAt(status, "pulls", pr) },
          },
  } satisfies IssueView
})

const detail = Effect.fnUntraced(function* (status: IssueStatus) {
  const { forge, owner, repo, issueNumber } = status
  const key = { forge, owner, repo, issueNumber }
  const row = Option.getOrUndefined(yield* (yield* IssueStates).get(key))
  const use = yield* (yield* Usage).total(key)
  return {
    ...(yield* viewOf(status)),
    rule: row?.rule ?? null,
    generation: row?.state.generation ?? 0,
    use: { ...use, cost: use.cost / MONEY },
  }
})

const runView = ({ operation, use }: IssueRun) => {
  const { started, generation, input, state, problem, createdAt } = operation
  if (started === null) return []
  const cost = use === null || use.cost === null ? null : use.cost / MONEY
  return [
    {
      ...started,
      generation,
      operation: input._tag,
      reason: input.reason,
      state,
      problem,
      decidedAt: createdAt,
      use: use === null ? null : { day: use.day, seconds: use.seconds, tokens: use.tokens, cost },
    },
  ]
}

/** `provenance` */
export const provenance = HttpApiBuilder.group(ServiceApi, "provenance", (handlers) =>
  Effect.map(ProvenanceStore, (store) =>
    handlers.handle("ofIssue", ({ urlParams: { owner, repo, issue } }) =>
      store.ofIssue({ owner, repo, number: issue }).pipe(
        Effect.map((all) =>
          all.map(({ slug, run, payload, envelope }) => ({
            slug,
            run,
            statement: Option.getOrNull(decodeStatement(payload)),
            envelope,
          })),
        ),
        orUnavailable,
      ),
    ),
  ),
)
