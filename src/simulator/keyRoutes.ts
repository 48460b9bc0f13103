/** The endpoints of deploy keys in a simulated Gitea, with exact status codes. */
import * as actions from "./actions.ts"
import { asAdmin, failure, internal, paged, type Route, textOf } from "./router.ts"

const KEYS = "/repos/{owner}/{repo}/keys"

const listKeys: Route = {
  method: "GET",
  path: KEYS,
  scope: "repository",
  needsToken: true,
  handle: asAdmin((ask, repo) => {
    const print = ask.query.get("fingerprint")
    const found = repo.keys
      .map((key) => ask.shapes.deployKey(repo, key))
      .filter((key) => print === null || key["fingerprint"] === print)
    return paged(ask, found)
  }),
}

/** Every conflict is a 422; without `read_only` the key may push. */
const addKey: Route = {
  method: "POST",
  path: KEYS,
  scope: "repository",
  needsToken: true,
  handle: asAdmin((ask, repo) => {
    const made = actions.addKey(ask.state, repo, {
      title: textOf(ask, "title"),
      key: textOf(ask, "key"),
      readOnly: ask.body["read_only"] === true,
    })
    return typeof made === "string"
      ? failure(422, made)
      : { status: 201, json: ask.shapes.deployKey(repo, made) }
  }),
}

/** 204 even if the key never existed. The key of another repository is an internal error. */
const removeKey: Route = {
  method: "DELETE",
  path: `${KEYS}/{id}`,
  scope: "repository",
  needsToken: true,
  handle: asAdmin((ask, repo) => {
    const id = Number(ask.param["id"])
    if (ask.state.repos.some((other) => other !== repo && other.keys.some((key) => key.id === id)))
      return internal
    const at = repo.keys.findIndex((key) => key.id === id)
    if (at >= 0) repo.keys.splice(at, 1)
    return { status: 204 }
  }),
}

/** All of these endpoints. */
export const keyRoutes: ReadonlyArray<Route> = [listKeys, addKey, removeKey]
