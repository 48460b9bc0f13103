/** The endpoints of webhooks in a simulated Gitea, with exact status codes. */
import { editedEvents, hookEvents } from "./hookEvents.ts"
import { hookJson } from "./reviewShapes.ts"
import {
  asAdmin,
  type Ask,
  failure,
  notFound,
  paged,
  type Reply,
  type Route,
  textOf,
  textsOf,
} from "./router.ts"
import { fold, type SimHook } from "./state.ts"

const REPO = "/repos/{owner}/{repo}"

type In = (handle: (ask: Ask, hooks: Array<SimHook>) => Reply) => (ask: Ask) => Reply

const inRepoHooks: In = (handle) => asAdmin((ask, repo) => handle(ask, repo.hooks))

/** For owners of the organisation only. */
const inOrgHooks: In = (handle) => (ask) => {
  const org = ask.state.org(ask.param["org"] ?? "")
  if (org === undefined) return notFound
  const may = org.owners.has(fold(ask.user?.login ?? "")) || ask.user?.siteAdmin === true
  return may ? handle(ask, org.hooks) : failure(403, "Must be an organization owner")
}

const withHook =
  (within: In) =>
  (handle: (ask: Ask, hook: SimHook, hooks: Array<SimHook>) => Reply): ((ask: Ask) => Reply) =>
    within((ask, hooks) => {
      const hook = hooks.find(({ id }) => id === Number(ask.param["id"]))
      return hook === undefined ? notFound : handle(ask, hook, hooks)
    })

/** Inactive and for `push` by default. The same address twice makes two hooks. */
const create = (ask: Ask, hooks: Array<SimHook>): Reply => {
  const config = configOf(ask)
  const type = textOf(ask, "type")
  if (type === "") return failure(422, "[Type]: Required")
  if (!["gitea", "gogs"].includes(type)) return failure(422, "Invalid hook type: " + type)
  const { url, content_type: contentType } = config
  if (url === undefined) return failure(422, "Missing config option: url")
  if (contentType === undefined) return failure(422, "Missing config option: content_type")
  if (!CONTENT_TYPES.has(contentType)) return failure(422, "Invalid content type")
  if (!isAddress(url)) return failure(422, "Invalid url")
  const at = ask.state.now()
  const hook: SimHook = {
    id: ask.state.nextId(),
    type,
    url,
    contentType,
    secret: config["secret"] ?? "",
    events: hookEvents(textsOf(ask.body["events"])),
    active: ask.body["active"] === true,
    branchFilter: textOf(ask, "branch_filter"),
    authorization: textOf(ask, "authorization_header"),
    createdAt: at,
    updatedAt: at,
  }
  hooks.push(hook)
  return { status: 201, json: hookJson(hook) }
}

const CONTENT_TYPES: ReadonlySet<string> = new Set(["json", "form"])

const isAddress = (url: string): boolean => /^https?:\/\/\S+$/.test(url)

const configOf = ({ body }: Ask): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(body["config"] ?? {}).filter(
      (entry): entry is [string, string] => typeof entry[1] === "string",
    ),
  )

/** Omitted fields are reset, except the address. A secret cannot be changed. */
const edit = (ask: Ask, hook: SimHook): Reply => {
  const { url, content_type: contentType } = configOf(ask)
  if (url !== undefined && !isAddress(url)) return failure(422, "Invalid url")
  if (contentType !== undefined && !CONTENT_TYPES.has(contentType))
    return failure(422, "Invalid content type")
  hook.url = url ?? hook.url
  hook.contentType = contentType ?? hook.contentType
  hook.events = editedEvents(hook.events, textsOf(ask.body["events"]))
  hook.branchFilter = textOf(ask, "branch_filter")
  hook.authorization = textOf(ask, "authorization_header")
  if (typeof ask.body["active"] === "boolean") hook.active = ask.body["active"]
  hook.updatedAt = ask.state.now()
  return { status: 200, json: hookJson(hook) }
}

/** The endpoints for one owner of hooks. */
const of = (base: string, within: In, scope: "repository" | "organization"): ReadonlyArray<Route> => [
  {
    method: "GET",
    path: `${base}/hooks`,
    scope,
    needsToken: true,
    handle: within((ask, hooks) => paged(ask, hooks.map(hookJson))),
  },
  { method: "POST", path: `${base}/hooks`, scope, needsToken: true, handle: within(create) },
  {
    method: "GET",
    path: `${base}/hooks/{id}`,
    scope,
    needsToken: true,
    handle: withHook(within)((_, hook) => ({ status: 200, json: hookJson(hook) })),
  },
  { method: "PATCH", path: `${base}/hooks/{id}`, scope, needsToken: true, handle: withHook(within)(edit) },
  {
    method: "DELETE",
    path: `${base}/hooks/{id}`,
    scope,
    needsToken: true,
    handle: withHook(within)((_, hook, hooks) => {
      hooks.splice(hooks.indexOf(hook), 1)
      return { status: 204 }
    }),
  },
]

/** Always 204. Sends an empty push, and only to a hook that has `push`. */
const test: Route = {
  method: "POST",
  path: `${REPO}/hooks/{id}/tests`,
  scope: "repository",
  needsToken: true,
  handle: asAdmin((ask, repo) => {
    const hook = repo.hooks.find(({ id }) => id === Number(ask.param["id"]))
    if (hook === undefined) return notFound
    ask.state.tell({ kind: "test", repo, hook, actorId: ask.user?.id ?? -1 })
    return { status: 204 }
  }),
}

/** All of these endpoints. */
export const hookRoutes: ReadonlyArray<Route> = [
  ...of(REPO, inRepoHooks, "repository"),
  test,
  ...of("/orgs/{org}", inOrgHooks, "organization"),
]
