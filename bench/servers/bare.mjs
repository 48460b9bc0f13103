// The floor of a sidecar: node:http on a Unix socket, which reads a request and answers the same bytes to each.
// Arguments: path of the socket, content type, file with the bytes.
import { readFileSync } from "node:fs"
import { createServer } from "node:http"

const [socketPath, type, file] = process.argv.slice(2)
const bytes = readFileSync(file)

const server = createServer({ keepAliveTimeout: 75_000 }, (request, response) => {
  request.on("data", () => undefined)
  request.on("end", () => {
    response.writeHead(200, { "content-type": type, "content-length": bytes.length })
    response.end(bytes)
  })
})
server.listen(socketPath, () => process.stdout.write("ready\n"))
process.stdin.once("end", () => process.exit(0)).resume()
