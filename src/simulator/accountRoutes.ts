/** The endpoints of the server, its users and its organisations in a simulated Gitea, with exact status codes. */
import { type Ask, notFound, redirect, type Reply, type Route } from "./router.ts"
import { fold, type SimOrg } from "./state.ts"

const version: Route = {
  method: "GET",
  path: "/version",
  handle: () => ({ status: 200, json: { version: "1.26.3" } }),
}

const self: Route = {
  method: "GET",
  path: "/user",
  scope: "user",
  needsToken: true,
  handle: ({ shapes, user }) => ({ status: 200, json: shapes.user(user?.id ?? -1) }),
}

/** A non-member is redirected to the public members, which decides nothing. */
const isMember: Route = {
  method: "GET",
  path: "/orgs/{org}/members/{username}",
  scope: "organization",
  needsToken: true,
  handle: (ask) => {
    const org = visibleOrg(ask)
    const asked = ask.state.user(ask.param["username"] ?? "")
    if (ask.state.org(ask.param["org"] ?? "") === undefined) return noSuchOrg
    if (org === undefined || asked === undefined || ask.user === undefined) return notFound
    const member = org.members.has(fold(asked.login))
    if (org.members.has(fold(ask.user.login)) || ask.user.siteAdmin)
      return member ? { status: 204 } : notFound
    if (ask.user.id === asked.id) return notFound
    return redirect(ask, 303, `/api/v1/orgs/${org.name}/public_members/${asked.login}`)
  },
}

const noSuchOrg: Reply = {
  status: 404,
  json: {
    message: "GetOrgByName",
    url: "http://localhost/api/swagger",
    errors: ["user redirect does not exist"],
  },
}

const isPublicMember: Route = {
  method: "GET",
  path: "/orgs/{org}/public_members/{username}",
  handle: (ask) =>
    visibleOrg(ask)?.publicMembers.has(fold(ask.param["username"] ?? "")) ? { status: 204 } : notFound,
}

/** Since 1.27 a hidden organisation does not exist for outsiders. */
const visibleOrg = ({ state, param, user }: Ask): SimOrg | undefined => {
  const org = state.org(param["org"] ?? "")
  return org?.hidden && !org.members.has(fold(user?.login ?? "")) ? undefined : org
}

/** Open to everyone. */
const settings: ReadonlyArray<Route> = [
  {
    method: "GET",
    path: "/settings/api",
    handle: () => ({
      status: 200,
      json: {
        max_response_items: 50,
        default_paging_num: 30,
        default_git_trees_per_page: 1000,
        default_max_blob_size: 10_485_760,
        default_max_response_size: 104_857_600,
      },
    }),
  },
  {
    method: "GET",
    path: "/settings/repository",
    handle: () => ({
      status: 200,
      json: {
        mirrors_disabled: false,
        http_git_disabled: false,
        migrations_disabled: false,
        stars_disabled: false,
        time_tracking_disabled: false,
        lfs_disabled: false,
      },
    }),
  },
]

/** There are no notifications here. */
const notifications: Route = {
  method: "GET",
  path: "/notifications",
  scope: "notification",
  needsToken: true,
  handle: () => ({ status: 200, json: [], headers: { "x-total-count": "0" } }),
}

/** All of these endpoints. */
export const accountRoutes: ReadonlyArray<Route> = [
  version,
  ...settings,
  self,
  notifications,
  isMember,
  isPublicMember,
]
