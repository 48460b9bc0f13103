/** Lists what changed on a Gitea since a time, in all repositories that the token sees, with one paged search. */
import { Effect, Option, Schema, Stream } from "effect"
import { ForgeRequestError } from "../../domain/Errors.ts"
import { ForgeNumber } from "../../domain/Forge.ts"
import type { ChangedIssue, ForgeChanges } from "../../domain/ForgeChanges.ts"
import { isPr, page } from "./answers.ts"
import { decode, type GiteaHttp } from "./http.ts"

/** Gitea's largest page, unless its operator allows more. */
const PAGE_SIZE = 50
/** How often a list is restarted because entries vanished from it. */
const RESTARTS_MAX = 5

const CALL = { operation: "changedSince", subject: "what changed", path: "repos/issues/search" }

/**
 * Issues and pull requests that were updated since, in milliseconds, inclusive; without a time all open ones. Gitea sorts by creation,
 * newest first, so no result is final before the last page was read. An item that changes meanwhile may come twice.
 */
export const changesOf = (
  http: GiteaHttp,
  since: number | undefined,
): Stream.Stream<ForgeChanges, ForgeRequestError> =>
  Stream.unfoldEffect(begin(0), (at) =>
    Effect.gen(function* () {
      if (at === undefined) return Option.none()
      const read = yield* readPage(http, since, at.page)
      const then = next(at, read)
      if (then === "endless") return yield* endless
      const { forgeTime, changes } = read
      const part: ForgeChanges = { changes, ...(forgeTime !== undefined && { forgeTime }) }
      return Option.some([part, then === "over" ? undefined : then] as const)
    }),
  )

/** How far a list was read. */
interface Position {
  readonly page: number
  readonly restarts: number
  readonly seen: number
  readonly total: number
  readonly empty: number
  readonly last: string
}

const begin = (restarts: number): Position | undefined => ({
  page: 1,
  restarts,
  seen: 0,
  total: 0,
  empty: 0,
  last: "",
})

type Read = Effect.Effect.Success<ReturnType<typeof readPage>>

const next = (
  at: Position,
  { changes, elements, total }: Read,
): Position | "over" | "endless" | undefined => {
  // When entries vanish, later ones move forward onto pages that were already read.
  if (total !== undefined && total < at.total)
    return at.restarts < RESTARTS_MAX ? begin(at.restarts + 1) : "endless"
  const seen = at.seen + elements
  const empty = elements === 0 ? at.empty + 1 : 0
  // Gitea removes hidden entries after counting: a short or empty page may be followed by more, but two empty pages may not.
  if ((total !== undefined && seen >= total) || empty === 2) return "over"
  const last = JSON.stringify(changes)
  if (changes.length > 0 && last === at.last) return "endless"
  return { page: at.page + 1, restarts: at.restarts, seen, total: total ?? 0, empty, last }
}

const endless = new ForgeRequestError({
  operation: CALL.operation,
  status: 200,
  reason: "Malformed",
  detail: "the forge's list of changes does not end: check the proxy in front of the forge",
})

const text = Schema.optionalWith(Schema.String, { nullable: true, default: () => "" })

/** An element of `GET /repos/issues/search`. */
const ChangedAnswer = Schema.Struct({
  number: Schema.optionalWith(Schema.NullOr(ForgeNumber), { default: () => null }),
  state: text,
  updated_at: text,
  labels: Schema.optionalWith(Schema.Array(Schema.NullOr(Schema.Struct({ name: text }))), {
    nullable: true,
    default: () => [],
  }),
  pull_request: Schema.optionalWith(Schema.Unknown, { default: () => null }),
  repository: Schema.optionalWith(Schema.Struct({ full_name: text }), {
    nullable: true,
    default: () => ({ full_name: "" }),
  }),
})

const readPage = (http: GiteaHttp, since: number | undefined, number: number) => {
  const which = since === undefined ? { state: "open" } : { state: "all", since: wholeSeconds(since) }
  const call = { ...CALL, query: { ...which, page: number, limit: PAGE_SIZE } }
  return Effect.gen(function* () {
    const answer = yield* http.readAnswer(call)
    const found = yield* decode(call, answer, page(ChangedAnswer))
    return {
      forgeTime: Option.getOrUndefined(answer.serverTime),
      total: Option.getOrUndefined(answer.total),
      elements: found.length,
      changes: found.flatMap(toChanged),
    }
  })
}

/** None for an element that names no repository or time. */
const toChanged = (answer: typeof ChangedAnswer.Type): ReadonlyArray<ChangedIssue> => {
  const [owner = "", repo = "", ...more] = answer.repository.full_name.split("/")
  const updatedAt = Date.parse(answer.updated_at)
  if (answer.number === null || owner === "" || repo === "" || more.length > 0 || Number.isNaN(updatedAt))
    return []
  return [
    {
      owner,
      repo,
      number: answer.number,
      isPull: isPr(answer),
      state: answer.state === "closed" ? "closed" : "open",
      labels: answer.labels.flatMap((label) => (label === null ? [] : [label.name])),
      updatedAt,
    },
  ]
}

/** Gitea has whole seconds. A "+" of an offset would be read as a space. */
const wholeSeconds = (millis: number): string =>
  `${new Date(Math.max(0, millis)).toISOString().slice(0, 19)}Z`
