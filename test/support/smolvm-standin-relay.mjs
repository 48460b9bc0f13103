// A socket mounted into a machine of the stand-in: it always accepts, and dials the host's path anew for each
// connection. Without a listener there, the stream ends at once. Arguments: the host's path, the guest's as it is here.
import { chmodSync, renameSync } from "node:fs"
import { connect, createServer } from "node:net"
import { basename, dirname } from "node:path"

const [host, guest] = process.argv.slice(2)
// A socket's path has at most 107 bytes.
process.chdir(dirname(guest))
const server = createServer({ allowHalfOpen: true }, (client) => {
  const upstream = connect({ path: host, allowHalfOpen: true })
  client.pipe(upstream).pipe(client)
  client.on("error", () => upstream.destroy())
  // What the client has yet to write is read: otherwise a slow one is ended by SIGPIPE.
  upstream.on("error", () => client.resume().end())
})
server.listen(`${basename(guest)}.new`, () => {
  chmodSync(`${basename(guest)}.new`, 0o777)
  renameSync(`${basename(guest)}.new`, basename(guest))
})
