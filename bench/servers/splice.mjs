// The floor of a tunnel: a Unix socket whose connections are joined to a port of loopback. Arguments: path, port.
import { connect, createServer } from "node:net"

const [socketPath, port] = process.argv.slice(2)
const server = createServer({ allowHalfOpen: true }, (client) => {
  const upstream = connect({ port: Number(port), host: "127.0.0.1", allowHalfOpen: true, noDelay: true })
  client.on("error", () => upstream.destroy())
  upstream.on("error", () => client.destroy())
  client.pipe(upstream)
  upstream.pipe(client)
})
server.listen(socketPath, () => process.stdout.write("ready\n"))
process.stdin.once("end", () => process.exit(0)).resume()
