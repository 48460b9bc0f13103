/** ask: requests to the HTTP interface, with the types of its schemas, and failures that say what to do. */
import type { Schema } from "effect"
import type { BottleStatus } from "../../domain/Bottle.ts"
import type { HistoryEntry } from "../../domain/orchestrator/History.ts"
import type { BottleDetail, LogLine, OutputPart } from "../http/api/bottles.ts"
import type { IssueDetail, IssueView, RunView } from "../http/api/issues.ts"
import type { RequestView } from "../http/api/requests.ts"
import type { ServiceView, UsageView } from "../http/api/service.ts"

/** What arrives as JSON. */
export type Issue = Schema.Schema.Encoded<typeof IssueView>
export type OneIssue = Schema.Schema.Encoded<typeof IssueDetail>
export type Run = Schema.Schema.Encoded<typeof RunView>
export type Entry = Schema.Schema.Encoded<typeof HistoryEntry>
export type Bottle = Schema.Schema.Encoded<typeof BottleStatus>
export type OneBottle = Schema.Schema.Encoded<typeof BottleDetail>
export type Line = Schema.Schema.Encoded<typeof LogLine>
export type Part = Schema.Schema.Encoded<typeof OutputPart>
export type AgentAsks = Schema.Schema.Encoded<typeof RequestView>
export type Service = Schema.Schema.Encoded<typeof ServiceView>
export type Use = Schema.Schema.Encoded<typeof UsageView>

/** A page of a list. */
export interface Page<A> {
  readonly items: ReadonlyArray<A>
  readonly next: string | null
}

/** Values of a query; those that are empty are left out. */
export type Query = Readonly<Record<string, string | undefined>>

/** Why there is no answer, for people. */
export class Problem extends Error {
  readonly status: number
  constructor(message: string, status = 0) {
    super(message)
    this.status = status
  }
}

/** `path` with the query. */
export const withQuery = (path: string, query: Query): string => {
  const given = Object.entries(query).filter((pair): pair is [string, string] => (pair[1] ?? "") !== "")
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given).toString()}`
}

/** Reads something. Fails with a {@link Problem}. */
export const read = <A>(path: string, signal?: AbortSignal): Promise<A> =>
  ask(path, signal === undefined ? {} : { signal })

/** Orders something. Fails with a {@link Problem}. */
export const order = <A>(path: string, body?: object): Promise<A> =>
  ask(path, {
    method: "POST",
    ...(body !== undefined && {
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
    }),
  })

const ask = async <A>(path: string, init: RequestInit): Promise<A> => {
  const response = await fetch(path, {
    ...init,
    headers: { accept: "application/json", ...init.headers },
  }).catch((error: unknown) => {
    if (error instanceof DOMException && error.name === "AbortError") throw error
    throw new Problem("The service does not answer. Check that it is running, and this machine's network.")
  })
  if (response.status === 401) {
    location.assign("/sign-in")
    throw new Problem("You are signed out. Sign in again.", 401)
  }
  const body: unknown = await response.json().catch(() => undefined)
  if (response.ok) return body as A
  const message = (body as { readonly message?: unknown } | undefined)?.message
  throw new Problem(
    typeof message === "string" ? message : `The service answered with ${response.status}.`,
    response.status,
  )
}
