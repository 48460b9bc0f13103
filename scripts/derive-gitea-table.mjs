// Derives test/support/gitea-api.json from Gitea's API description: what the endpoints that the simulator serves may
// answer, and the properties of those answers. Usage:
// node scripts/derive-gitea-table.mjs SWAGGER.json && npx oxfmt test/support/gitea-api.json
import { readFileSync, writeFileSync } from "node:fs"

const SERVED = [
  "GET /notifications",
  "GET /orgs/{org}/hooks",
  "POST /orgs/{org}/hooks",
  "GET /orgs/{org}/hooks/{id}",
  "PATCH /orgs/{org}/hooks/{id}",
  "DELETE /orgs/{org}/hooks/{id}",
  "GET /orgs/{org}/members/{username}",
  "GET /orgs/{org}/public_members/{username}",
  "GET /repos/issues/search",
  "GET /repos/{owner}/{repo}",
  "GET /repos/{owner}/{repo}/actions/tasks",
  "GET /repos/{owner}/{repo}/assignees",
  "GET /repos/{owner}/{repo}/branch_protections",
  "GET /repos/{owner}/{repo}/branches/{branch}",
  "GET /repos/{owner}/{repo}/collaborators/{collaborator}",
  "GET /repos/{owner}/{repo}/collaborators/{collaborator}/permission",
  "GET /repos/{owner}/{repo}/commits/{ref}/status",
  "GET /repos/{owner}/{repo}/commits/{ref}/statuses",
  "GET /repos/{owner}/{repo}/hooks",
  "POST /repos/{owner}/{repo}/hooks",
  "GET /repos/{owner}/{repo}/hooks/{id}",
  "PATCH /repos/{owner}/{repo}/hooks/{id}",
  "DELETE /repos/{owner}/{repo}/hooks/{id}",
  "POST /repos/{owner}/{repo}/hooks/{id}/tests",
  "GET /repos/{owner}/{repo}/issues",
  "POST /repos/{owner}/{repo}/issues",
  "GET /repos/{owner}/{repo}/issues/comments",
  "GET /repos/{owner}/{repo}/issues/comments/{id}",
  "PATCH /repos/{owner}/{repo}/issues/comments/{id}",
  "DELETE /repos/{owner}/{repo}/issues/comments/{id}",
  "GET /repos/{owner}/{repo}/issues/comments/{id}/reactions",
  "POST /repos/{owner}/{repo}/issues/comments/{id}/reactions",
  "GET /repos/{owner}/{repo}/issues/{index}",
  "PATCH /repos/{owner}/{repo}/issues/{index}",
  "GET /repos/{owner}/{repo}/issues/{index}/assets",
  "GET /repos/{owner}/{repo}/issues/{index}/blocks",
  "GET /repos/{owner}/{repo}/issues/{index}/comments",
  "POST /repos/{owner}/{repo}/issues/{index}/comments",
  "GET /repos/{owner}/{repo}/issues/{index}/dependencies",
  "POST /repos/{owner}/{repo}/issues/{index}/dependencies",
  "DELETE /repos/{owner}/{repo}/issues/{index}/dependencies",
  "GET /repos/{owner}/{repo}/issues/{index}/reactions",
  "POST /repos/{owner}/{repo}/issues/{index}/reactions",
  "GET /repos/{owner}/{repo}/issues/{index}/timeline",
  "GET /repos/{owner}/{repo}/keys",
  "POST /repos/{owner}/{repo}/keys",
  "DELETE /repos/{owner}/{repo}/keys/{id}",
  "GET /repos/{owner}/{repo}/pulls",
  "POST /repos/{owner}/{repo}/pulls",
  "GET /repos/{owner}/{repo}/pulls/{index}",
  "GET /repos/{owner}/{repo}/pulls/{index}/merge",
  "POST /repos/{owner}/{repo}/pulls/{index}/merge",
  "POST /repos/{owner}/{repo}/pulls/{index}/requested_reviewers",
  "GET /repos/{owner}/{repo}/pulls/{index}/reviews",
  "POST /repos/{owner}/{repo}/pulls/{index}/reviews",
  "GET /repos/{owner}/{repo}/pulls/{index}/reviews/{id}",
  "GET /repos/{owner}/{repo}/pulls/{index}/reviews/{id}/comments",
  "POST /repos/{owner}/{repo}/pulls/{index}/reviews/{id}/dismissals",
  "POST /repos/{owner}/{repo}/pulls/{index}/update",
  "GET /repos/{owner}/{repo}/statuses/{sha}",
  "POST /repos/{owner}/{repo}/statuses/{sha}",
  "GET /settings/api",
  "GET /settings/repository",
  "GET /user",
  "GET /version",
]

const [file] = process.argv.slice(2)
if (file === undefined) {
  console.error("usage: node scripts/derive-gitea-table.mjs SWAGGER.json")
  process.exit(2)
}
const swagger = JSON.parse(readFileSync(file, "utf8"))
const last = (ref) => ref.slice(ref.lastIndexOf("/") + 1)

/** "string", "integer", "boolean", "object", the name of a type, or one of these with "[]" behind. */
const typeName = (schema) => {
  if (schema === undefined) return undefined
  if (schema.$ref !== undefined) {
    const name = last(schema.$ref)
    // An enumeration or a map is what it is made of.
    return swagger.definitions[name].properties === undefined
      ? (swagger.definitions[name].type ?? "object")
      : name
  }
  return schema.type === "array" ? `${typeName(schema.items)}[]` : (schema.type ?? "object")
}

const types = {}
const collect = (name) => {
  const plain = name?.replace(/(\[\])+$/, "")
  const properties = swagger.definitions[plain]?.properties
  if (properties === undefined || types[plain] !== undefined) return
  types[plain] = {}
  for (const [property, schema] of Object.entries(properties)) {
    types[plain][property] = typeName(schema)
    collect(types[plain][property])
  }
}

const endpoints = SERVED.map((served) => {
  const [method, path] = served.split(" ")
  const operation = swagger.paths[path]?.[method.toLowerCase()]
  if (operation === undefined) throw new Error(`not in the description: ${served}`)
  const answers = Object.fromEntries(
    Object.entries(operation.responses).map(([code, response]) => {
      const whole = response.$ref === undefined ? response : swagger.responses[last(response.$ref)]
      const type = typeName(whole.schema) ?? null
      if (code < 300) collect(type)
      return [code, code < 300 ? type : null]
    }),
  )
  const form = (operation.parameters ?? []).find((parameter) => parameter.in === "body")
  const body = typeName(form?.schema) ?? null
  collect(body)
  return { method, path, body, answers }
})

writeFileSync(
  new URL("../test/support/gitea-api.json", import.meta.url),
  `${JSON.stringify({ version: swagger.info.version, endpoints, types }, null, 1)}\n`,
)
