/** Requests of an agent that a person decides: what may be asked for, how it is written, and what became of it. */
import { Either, Option, Schema } from "effect"
import { readHost } from "./Hosts.ts"
import { neutralLine } from "./Neutral.ts"
import { Slug } from "./Slug.ts"

/** The kinds of requests, in the order in which documents list them. */
export const REQUEST_KINDS = ["egress", "protected_path", "budget", "question"] as const

/** What is asked for: a host, a protected path, more budget, or an answer. */
export const RequestKind = Schema.Literal(...REQUEST_KINDS)
/** What is asked for. */
export type RequestKind = typeof RequestKind.Type

/** The kinds that an agent may ask for when its manifest does not say. */
export const DEFAULT_APPROVALS: ReadonlyArray<RequestKind> = ["question"]

/** How many requests a run may make. */
export const REQUESTS_MAX = 20
/** Longest text of a request, of its reason and of an answer, in characters. */
export const DETAIL_MAX = 2000
/** Longest reason of a request, in characters. */
export const REASON_MAX = 1000
/** Longest answer to a request, and longest reason of a denial, in characters. */
export const ANSWER_MAX = 4000
/** The longest that a call waits for a decision, in seconds: clients give up after a minute. */
export const WAIT_SECONDS_MAX = 45

/** Name of a request: six characters of a-z and 2-7. */
export const RequestId = Schema.String.pipe(
  Schema.pattern(/^[a-z2-7]{6}$/, { message: () => "an ID of a request has six characters of a-z and 2-7" }),
  Schema.brand("RequestId"),
)
/** Name of a request. */
export type RequestId = typeof RequestId.Type

/** A host and a port to reach, as the allow-list writes it. */
export const EgressDetail = Schema.Struct({
  kind: Schema.Literal("egress"),
  host: Schema.String,
  port: Schema.Number,
})

/** A file, or a folder with everything below it, in one repository of the bottle. */
export const ProtectedPathDetail = Schema.Struct({
  kind: Schema.Literal("protected_path"),
  /** Its name at the neck. */
  repository: Schema.String,
  path: Schema.String,
})

/** What is to be added to the limits of the run. */
export const BudgetDetail = Schema.Struct({
  kind: Schema.Literal("budget"),
  tokens: Schema.optional(Schema.Number),
  /** In US dollars. */
  cost: Schema.optional(Schema.Number),
  minutes: Schema.optional(Schema.Number),
})

/** A question to the operator. */
export const QuestionDetail = Schema.Struct({ kind: Schema.Literal("question"), text: Schema.String })

/** What exactly is asked for. */
export const RequestDetail = Schema.Union(EgressDetail, ProtectedPathDetail, BudgetDetail, QuestionDetail)
/** What exactly is asked for. */
export type RequestDetail = typeof RequestDetail.Type

/** A request as the agent made it. `at` is ISO 8601 in UTC. */
export const AgentRequest = Schema.Struct({
  version: Schema.Literal(1),
  id: RequestId,
  slug: Slug,
  /** The run that made it. */
  run: Schema.Number,
  detail: RequestDetail,
  /** The agent's reason; `""` when it gave none. */
  reason: Schema.String,
  at: Schema.String,
})
/** A request as the agent made it. */
export type AgentRequest = typeof AgentRequest.Type

/** What a person decided about a request. There is one decision of each request. */
export const RequestDecision = Schema.Struct({
  version: Schema.Literal(1),
  id: RequestId,
  verdict: Schema.Literal("approved", "denied", "answered"),
  /** Who decided. */
  by: Schema.String,
  at: Schema.String,
  /** Of an approval: `once` is one connection, `run` is everything until the run ends. */
  scope: Schema.optional(Schema.Literal("once", "run")),
  /** The answer, or the reason of a denial. */
  text: Schema.optional(Schema.String),
})
/** What a person decided about a request. */
export type RequestDecision = typeof RequestDecision.Type

/** The one run in which a decision counts: the first whose agent read it or used it. */
export const RequestTaken = Schema.Struct({
  version: Schema.Literal(1),
  id: RequestId,
  run: Schema.Number,
  at: Schema.String,
})
/** The one run in which a decision counts. */
export type RequestTaken = typeof RequestTaken.Type

/** A request with what became of it. */
export interface BottleRequest extends AgentRequest {
  /** Absent while the request is open. */
  readonly decision?: RequestDecision
  /** Absent while no run has read or used the decision. */
  readonly taken?: RequestTaken
  /** Whether an approval of one connection is used up. */
  readonly used: boolean
}

/** State of a request: `open` until it is decided. */
export type RequestState = "open" | RequestDecision["verdict"]

/** The state of a request. */
export const stateOfRequest = ({ decision }: Pick<BottleRequest, "decision">): RequestState =>
  decision?.verdict ?? "open"

/** Whether it was decided, and no run has read or used the decision. */
export const isNews = ({ decision, taken }: BottleRequest): boolean =>
  decision !== undefined && taken === undefined

/** Whether an approval is in force in a run, or would be if that run used it now. */
export const opensIn = ({ decision, taken, used }: BottleRequest, run: number): boolean =>
  decision?.verdict === "approved" && !used && (taken === undefined || taken.run === run)

/** What is asked for, on one line that is safe to print. */
export const detailText = (detail: RequestDetail): string => {
  switch (detail.kind) {
    case "egress":
      return `${detail.host.includes(":") ? `[${detail.host}]` : detail.host}:${detail.port}`
    case "protected_path":
      return neutralLine(`${detail.repository}:${detail.path}`)
    case "budget":
      return BUDGET_KEYS.flatMap((key) => (detail[key] === undefined ? [] : [`${key} ${detail[key]}`])).join(
        ", ",
      )
    case "question":
      return neutralLine(detail.text)
  }
}

/** Kind and detail on one line. */
export const requestText = ({ detail }: Pick<AgentRequest, "detail">): string =>
  `${detail.kind} ${detailText(detail)}`

/** Reads what an agent asks for. Left: what is wrong, for the agent. */
export const readDetail = (kind: RequestKind, text: string): Either.Either<RequestDetail, string> => {
  switch (kind) {
    case "egress":
      return readEgress(text.trim())
    case "protected_path":
      return readPath(text)
    case "budget":
      return readBudget(text)
    case "question":
      return text.trim() === ""
        ? Either.left("must be a question")
        : Either.right({ kind, text: text.trim() })
  }
}

const DEFAULT_PORT = 443

const readEgress = (text: string): Either.Either<RequestDetail, string> => {
  const [, written = "", digits] = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(text) ?? []
  const port = digits === undefined ? DEFAULT_PORT : Number(digits)
  return Option.match(readHost(written), {
    onNone: () => Either.left("must be one host, such as api.example.com or api.example.com:8443"),
    onSome: (host) =>
      port >= 1 && port <= 65535
        ? Either.right({ kind: "egress" as const, host: host.text, port })
        : Either.left("must have a port from 1 to 65535"),
  })
}

/** Longest path that can be asked for, in characters. */
const PATH_MAX = 200

/** `NAME:PATH`, or a path alone, whose repository is then `""`. */
const readPath = (text: string): Either.Either<RequestDetail, string> => {
  const [, repository = "", path = ""] =
    /^(?:([A-Za-z0-9][A-Za-z0-9._-]{0,99}):)?([^\p{Cc}]+)$/u.exec(text.trim()) ?? []
  const plain = path.replace(/\/$/, "")
  return plain.length > PATH_MAX || plain.split("/").some((name) => NO_NAMES.has(name))
    ? Either.left("must be a path in the repository, such as .gitea/workflows/ci.yml")
    : Either.right({ kind: "protected_path" as const, repository, path: plain })
}

const NO_NAMES: ReadonlySet<string> = new Set(["", ".", ".."])

const BUDGET_KEYS = ["tokens", "cost", "minutes"] as const

/** More than any run needs, and exact in sums. */
const AMOUNT_MAX = 1e12

const readBudget = (text: string): Either.Either<RequestDetail, string> => {
  const amounts = new Map<string, number>()
  for (const part of text.split(",")) {
    const [, key = "", amount = ""] = /^\s*([a-z]+)[ =]+(\d{1,13}(?:\.\d{1,6})?)\s*$/.exec(part) ?? []
    const value = Number(amount)
    const isWhole = key === "cost" || Number.isInteger(value)
    if (!BUDGET_KEYS.some((known) => known === key) || amounts.has(key) || !isWhole)
      return Either.left(BUDGET_RULE)
    if (value <= 0 || value > AMOUNT_MAX) return Either.left(BUDGET_RULE)
    amounts.set(key, value)
  }
  return Either.right({ kind: "budget" as const, ...Object.fromEntries(amounts) })
}

const BUDGET_RULE =
  "must say how much more, such as `tokens 200000`, `cost 2.50` (US dollars), `minutes 30`, or several separated by commas"

/** Whether a path of a repository is one that was asked for, or below it. Names are compared byte by byte. */
export const isBelow = (asked: string, path: string): boolean =>
  path === asked || path.startsWith(`${asked}/`)

/** What approvals of budget add to the limits of a run. */
export const budgetOf = (
  details: ReadonlyArray<RequestDetail>,
): { readonly tokens: number; readonly cost: number; readonly minutes: number } => {
  const sum = (key: (typeof BUDGET_KEYS)[number]) =>
    details.reduce((total, detail) => total + (detail.kind === "budget" ? (detail[key] ?? 0) : 0), 0)
  return { tokens: sum("tokens"), cost: sum("cost"), minutes: sum("minutes") }
}
