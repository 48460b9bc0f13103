/** Finds the route of a request in a simulated Gitea, and checks who may use it. */
import type { Shapes } from "./shapes.ts"
import {
  type GiteaState,
  mayWrite,
  type SimIssue,
  type SimPull,
  type SimRepo,
  type SimUser,
} from "./state.ts"

/** A response. `json` may be null; without `json` and `text` the body is empty. */
export interface Reply {
  readonly status: number
  readonly json?: unknown
  readonly text?: string
  /** In place of both. */
  readonly bytes?: Uint8Array
  readonly headers?: Readonly<Record<string, string>>
}

/** A request as a route sees it. */
export interface Ask {
  readonly method: string
  /** Relative to the API's base, as sent. */
  readonly path: string
  readonly state: GiteaState
  readonly shapes: Shapes
  /** Values of the path's parameters, decoded. */
  readonly param: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  readonly body: Readonly<Record<string, unknown>>
  readonly user: SimUser | undefined
}

/** A route; `path` is in the form of Gitea's API description. */
export interface Route {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE"
  readonly path: string
  /** Category of token scope; absent: open to everyone. */
  readonly scope?: "issue" | "repository" | "organization" | "user" | "notification"
  /** Whether a token is required even for public data. */
  readonly needsToken?: boolean
  readonly handle: (ask: Ask) => Reply
}

/** Gitea's error body. Its texts differ between versions and have no meaning. */
export const failure = (status: number, message: string): Reply => ({
  status,
  json: { message, url: "http://localhost/api/swagger" },
})

/** Gitea's 404 has one more property. */
export const notFound: Reply = {
  status: 404,
  json: { message: "not found", url: "http://localhost/api/swagger", errors: null },
}

/** An internal error: its message is only for site administrators. */
export const internal: Reply = failure(500, "")

/** A route of a repository, called once the repository is found, not renamed, and visible. */
export const inRepo =
  (handle: (ask: Ask, repo: SimRepo) => Reply) =>
  (ask: Ask): Reply => {
    const { owner = "", repo: name = "" } = ask.param
    const repo = ask.state.repo(owner, name)
    if (repo !== undefined)
      return ask.state.permission(repo, ask.user) === "none" ? notFound : handle(ask, repo)
    const moved = ask.state.renamed.get(`${owner}/${name}`.toLowerCase())
    if (moved === undefined) return notFound
    // For every method: a client that follows it turns a POST into a GET.
    const now = `/repos/${moved.owner}/${moved.name}`
    return redirect(ask, 301, `/api/v1${ask.path.replace(/^\/repos\/[^/]+\/[^/]+/, now)}`)
  }

/** A redirect has a small page for reads, and no body for writes. */
export const redirect = (ask: Ask, status: 301 | 303, location: string): Reply =>
  ask.method === "GET"
    ? {
        status,
        headers: { location, "content-type": "text/html; charset=utf-8" },
        text: `<a href="${location}">${status === 301 ? "Moved Permanently" : "See Other"}</a>.\n\n`,
      }
    : { status, headers: { location } }

/** A route of an issue or a pull request; `missing` is Gitea's response when there is none. */
export const inIssue = (
  missing: Reply,
  handle: (ask: Ask, issue: SimIssue) => Reply,
): ((ask: Ask) => Reply) =>
  inRepo((ask, repo) => {
    const issue = repo.issues.get(Number(ask.param["index"]))
    return issue === undefined ? missing : handle(ask, issue)
  })

/** Whether the user may write to the repository. */
export const writer = (ask: Ask, repo: SimRepo): boolean => mayWrite(ask.state.permission(repo, ask.user))

/** A route for administrators of the repository only. */
export const asAdmin = (handle: (ask: Ask, repo: SimRepo) => Reply) =>
  inRepo((ask, repo) => {
    const may = ask.state.permission(repo, ask.user)
    return may === "admin" || may === "owner"
      ? handle(ask, repo)
      : failure(403, "user should be an owner or a collaborator with admin write of a repository")
  })

/** A route of a pull request, with the data that it has in addition to an issue. */
export const inPull = (handle: (ask: Ask, issue: SimIssue, pull: SimPull) => Reply): ((ask: Ask) => Reply) =>
  inIssue(notFound, (ask, issue) => (issue.pull === undefined ? notFound : handle(ask, issue, issue.pull)))

/** Archived repositories accept no new comments and pull requests, but do accept edits of descriptions. */
export const archived: Reply = failure(423, "repo is archived")

/** The elements of the requested page: 30 unless `limit` is given, never more than 50, with the count in a header. */
export const paged = (ask: Ask, all: ReadonlyArray<unknown>): Reply => ({
  status: 200,
  json: pageOf(ask, all),
  headers: { "x-total-count": String(all.length) },
})

/** The same with links to the other pages, which some lists have. */
export const linked = (ask: Ask, all: ReadonlyArray<unknown>): Reply => {
  const { page, limit } = pagingOf(ask)
  const last = Math.ceil(all.length / limit)
  const links = [
    ...(page < last ? [["next", page + 1] as const, ["last", last] as const] : []),
    ...(page > 1 ? [["first", 1] as const, ["prev", page - 1] as const] : []),
  ].map(([rel, to]) => {
    const query = new URLSearchParams(ask.query)
    query.set("page", String(to))
    query.sort()
    return `<${ask.shapes.root}/api/v1${ask.path}?${query}>; rel="${rel}"`
  })
  const reply = paged(ask, all)
  return links.length === 0 ? reply : { ...reply, headers: { ...reply.headers, link: links.join(",") } }
}

/** The elements of the requested page. */
export const pageOf = (ask: Ask, all: ReadonlyArray<unknown>): ReadonlyArray<unknown> => {
  const { page, limit } = pagingOf(ask)
  return all.slice((page - 1) * limit, page * limit)
}

const pagingOf = ({ query }: Ask): { readonly page: number; readonly limit: number } => ({
  page: Math.max(1, Number(query.get("page")) || 1),
  limit: Math.min(50, Number(query.get("limit")) || 30),
})

/** Whether a time is within the query's `since` and `before`: whole seconds, both inclusive. */
export const within = ({ query }: Ask): ((time: string) => boolean) => {
  const bound = (name: string) => Math.floor(Date.parse(query.get(name) ?? "") / 1000)
  const [since, before] = [bound("since"), bound("before")]
  return (time) => {
    const at = Math.floor(Date.parse(time) / 1000)
    return (Number.isNaN(since) || at >= since) && (Number.isNaN(before) || at <= before)
  }
}

/** The refusal of an invalid `since` or `before`. */
export const noTime = ({ query }: Ask): Reply | undefined =>
  ["since", "before"].some(
    (name) => (query.get(name) ?? "") !== "" && Number.isNaN(Date.parse(query.get(name) ?? "")),
  )
    ? failure(422, "since and before must be times")
    : undefined

/** A text in a request's body; "" when there is none. */
export const textOf = (ask: Ask, property: string): string => {
  const value = ask.body[property]
  return typeof value === "string" ? value : ""
}

/** Texts of a list in a request's body. */
export const textsOf = (value: unknown): ReadonlyArray<string> =>
  Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : []

/** The route for a method and a path relative to the API's base, with the path's parameters. */
export const match = (
  routes: ReadonlyArray<Route>,
  method: string,
  path: string,
): { readonly route: Route; readonly param: Readonly<Record<string, string>> } | undefined => {
  const given = path.split("/")
  for (const route of routes) {
    const pattern = route.path.split("/")
    // A branch name is the rest of a path, including slashes.
    const last = pattern.length - 1
    const parts = route.path.endsWith("/{branch}")
      ? [...given.slice(0, last), ...(given.length > last ? [given.slice(last).join("/")] : [])]
      : given
    if (route.method !== method || pattern.length !== parts.length) continue
    const named = pattern.map((part, at) => [part, parts[at] ?? ""] as const)
    if (named.some(([part, value]) => (part.startsWith("{") ? value === "" : part !== value))) continue
    const values = named.filter(([part]) => part.startsWith("{"))
    return {
      route,
      param: Object.fromEntries(
        values.map(([part, value]) => [part.slice(1, -1), decodeURIComponent(value)]),
      ),
    }
  }
  return undefined
}

/** Why the user may not use the route with this token, if so. A write scope includes the read scope. */
export const refusedBy = (route: Route, user: SimUser | undefined): Reply | undefined => {
  if (user === undefined) return route.needsToken === true ? failure(401, "token is required") : undefined
  if (route.scope === undefined || user.scopes.includes("all")) return undefined
  const enough =
    route.method === "GET" ? [`read:${route.scope}`, `write:${route.scope}`] : [`write:${route.scope}`]
  return enough.some((scope) => user.scopes.includes(scope))
    ? undefined
    : failure(403, `token does not have at least one of required scope(s), required=[${enough[0]}]`)
}
