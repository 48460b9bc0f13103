// A host outside: for each line "N\n" it sends N bytes. On a port of loopback that it writes to its argument.
import { writeFileSync } from "node:fs"
import { createServer } from "node:net"

const PART = Buffer.alloc(1024 * 1024, 7)
const [file] = process.argv.slice(2)

const send = (socket, left) => {
  if (left === 0) return
  const size = Math.min(left, PART.length)
  const more = () => send(socket, left - size)
  if (socket.write(PART.subarray(0, size))) setImmediate(more)
  else socket.once("drain", more)
}

const server = createServer({ noDelay: true }, (socket) => {
  socket.on("error", () => undefined)
  socket.on("data", (line) => send(socket, Number(line)))
})
server.listen(0, "127.0.0.1", () => {
  writeFileSync(file, String(server.address().port))
  process.stdout.write("ready\n")
})
process.stdin.once("end", () => process.exit(0)).resume()
