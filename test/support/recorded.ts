/** Exchanges with a real Gitea that were recorded (a development build between 1.24 and 1.25). */
import { readFileSync } from "node:fs"

/** One exchange. */
export interface Recorded {
  /** What it shows. */
  readonly note: string
  readonly method: string
  /** With `/api/v1` and the query. */
  readonly path: string
  /** The scheme alone. */
  readonly authorization: "token" | "basic" | null
  readonly request: string | null
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly answer: string
  /** Length of an answer that was too long to keep whole. */
  readonly truncated?: number
}

/** All of them, in the order of the file. */
export const recorded: ReadonlyArray<Recorded> = readFileSync(
  new URL("../fixtures/gitea/rest.jsonl", import.meta.url),
  "utf8",
)
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as Recorded)

/** `repos/issues/search` is no repository. */
const REPO = "/api/v1/repos/(?!issues/search)[^/]+/[^/]+"

/** The requests that GiteaForge can make. */
const MADE: ReadonlyArray<readonly [method: string, path: RegExp]> = [
  ["GET", /^\/api\/v1\/user$/],
  ["GET", /^\/api\/v1\/orgs\/[^/]+\/members\/[^/]+$/],
  ["GET", new RegExp(`^${REPO}$`)],
  ["GET", new RegExp(`^${REPO}/collaborators/[^/]+/permission$`)],
  ["GET", new RegExp(`^${REPO}/assignees$`)],
  ["GET", new RegExp(`^${REPO}/issues$`)],
  ["GET", new RegExp(`^${REPO}/issues/\\d+(?:/comments|/timeline|/dependencies)?$`)],
  ["PATCH", new RegExp(`^${REPO}/issues/\\d+$`)],
  ["POST", new RegExp(`^${REPO}/issues/\\d+/comments$`)],
  ["GET", new RegExp(`^${REPO}/pulls(?:/\\d+)?$`)],
  ["GET", new RegExp(`^${REPO}/pulls/\\d+/reviews(?:/\\d+/comments)?$`)],
  ["GET", new RegExp(`^${REPO}/commits/[^/]+/status$`)],
  ["POST", new RegExp(`^${REPO}/pulls$`)],
  ["GET", new RegExp(`^${REPO}/keys$`)],
  ["POST", new RegExp(`^${REPO}/keys$`)],
  ["DELETE", new RegExp(`^${REPO}/keys/\\d+$`)],
  ["GET", new RegExp(`^(?:${REPO}|/api/v1/orgs/[^/]+)/hooks$`)],
  ["POST", new RegExp(`^(?:${REPO}|/api/v1/orgs/[^/]+)/hooks$`)],
  ["POST", new RegExp(`^${REPO}/hooks/\\d+/tests$`)],
  ["DELETE", new RegExp(`^(?:${REPO}|/api/v1/orgs/[^/]+)/hooks/\\d+$`)],
]

/** Whether GiteaForge can make a request. `path` may have a query. */
export const isMade = (method: string, path: string): boolean =>
  MADE.some(([made, pattern]) => made === method && pattern.test(path.split("?")[0] ?? ""))
