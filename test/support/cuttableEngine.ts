/** An engine behind a socket of the test's own, whose connections can be cut off. */
import { Effect } from "effect"
import { connect, createServer } from "node:net"
import type { Socket } from "node:net"
import { join } from "node:path"
import { tempDir } from "./tempDir.ts"

/** The socket of the machine's docker engine. */
export const DOCKER_SOCKET = (process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock").replace(
  "unix://",
  "",
)

/** A URL of the engine that listens on a socket, and how to cut off those who read a container's output. */
export const cuttableEngine = Effect.fn("cuttableEngine")(function* (socket: string) {
  const path = join(yield* tempDir, "engine.sock")
  const all = new Set<Socket>()
  const readers = new Set<Socket>()
  // docker's client closes its own side of a connection, and reads on.
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const engine = connect({ path: socket, allowHalfOpen: true })
    for (const socket of [client, engine]) {
      all.add(socket)
      socket.on("error", () => undefined)
      socket.once("close", () => [client, engine].forEach((each) => each.destroy()))
    }
    client.once("data", (head: Buffer) => {
      if (/^POST \S*\/attach/.test(head.toString("latin1"))) readers.add(client)
    })
    client.pipe(engine).pipe(client)
  })
  yield* Effect.acquireRelease(
    Effect.promise(() => new Promise<void>((resolve) => server.listen(path, resolve))),
    () =>
      Effect.sync(() => {
        server.close()
        for (const socket of all) socket.destroy()
      }),
  )
  return {
    url: `unix://${path}`,
    cutReaders: () => {
      for (const socket of readers) socket.destroy()
    },
  }
})
