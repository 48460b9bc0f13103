/**
 * Serves a private registry inside a bottle, over a route that adds the token: `node mirror.mjs PORT ROUTE UPSTREAM`. Registries put
 * their own addresses into what they answer, and clients would then go past the route. Here these addresses lead back to this port.
 */
import { createServer } from "node:http"

const [port = "", route = "", upstream = ""] = process.argv.slice(2)
if (upstream === "") throw new Error("usage: node mirror.mjs PORT ROUTE UPSTREAM")
const own = `http://127.0.0.1:${port}`

/** What may contain addresses: lists of packages, not the packages. */
const isList = (type) => /json|html|xml|^text\//.test(type)

const answer = async ({ method, url, headers }, response) => {
  // npm encodes the slash of a scope, which a route refuses; registries take it as it is too.
  const path = url.replaceAll(/%2f/gi, "/")
  const found = await fetch(`${route}${path}`, { method, headers: { accept: headers.accept ?? "*/*" } })
  const type = found.headers.get("content-type") ?? ""
  const bytes = Buffer.from(await found.arrayBuffer())
  const body = isList(type) ? Buffer.from(bytes.toString("utf8").replaceAll(upstream, own)) : bytes
  response.writeHead(found.status, { "content-type": type, "content-length": body.length })
  response.end(method === "HEAD" ? undefined : body)
}

createServer((request, response) => {
  answer(request, response).catch(() => response.writeHead(502).end())
}).listen(Number(port), "127.0.0.1")
