// A model that answers at once with server-sent events, on a port of loopback that it writes to its argument.
import { writeFileSync } from "node:fs"
import { createServer } from "node:http"

const [file] = process.argv.slice(2)
const server = createServer((request, response) => {
  request.resume().once("end", () => {
    response.writeHead(200, { "content-type": "text/event-stream" })
    response.write("data: first\n\n")
    setImmediate(() => response.end("data: last\n\n"))
  })
})
server.listen(0, "127.0.0.1", () => {
  writeFileSync(file, String(server.address().port))
  process.stdout.write("ready\n")
})
process.stdin.once("end", () => process.exit(0)).resume()
