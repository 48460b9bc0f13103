/** Listeners of a ground: TCP, UDP and Unix sockets of this machine that count connections and packets. */
import { Effect, type Scope } from "effect"
import { type Socket as UdpSocket, createSocket } from "node:dgram"
import { type AddressInfo, type Server, type Socket, createServer } from "node:net"
import { existsSync, readFileSync } from "node:fs"
import { networkInterfaces } from "node:os"
import type { GroundListener } from "../../domain/probes/ProbeGround.ts"
import { GroundFailure } from "../../services/ProvingGround.ts"

/** How often each listener was reached, by name. */
export type Heard = Map<string, number>

/** Enough for a machine with many networks. */
const ADDRESSES_MAX = 12

/** Counts one more for a listener. */
export const hear = (heard: Heard, name: string): void => void heard.set(name, (heard.get(name) ?? 0) + 1)

/** Where the kernel lists its own IPv4 addresses. node leaves out networks without carrier, such as a bridge without containers. */
const FIB = "/proc/net/fib_trie"

/** Addresses of this machine, by name. Its loopback is included: a bottle has its own. */
const ownAddresses = (): ReadonlyMap<string, string> => {
  const found = new Map<string, string>()
  for (const [name, all = []] of Object.entries(networkInterfaces())) {
    for (const { address } of all) if (!/^fe80:/i.test(address)) found.set(address, `${name}, ${address}`)
  }
  const fib = existsSync(FIB) ? readFileSync(FIB, "utf8") : ""
  for (const [, address = ""] of fib.matchAll(/\|-- ([\d.]+)\n\s+\/32 host LOCAL/g)) {
    if (!found.has(address)) found.set(address, address)
  }
  return new Map([...found].slice(0, ADDRESSES_MAX))
}

/** Listens on TCP and UDP at this machine's addresses until the scope closes. Addresses that cannot be used are left out. */
export const listenOnMachine = (
  heard: Heard,
): Effect.Effect<ReadonlyArray<GroundListener>, never, Scope.Scope> =>
  Effect.map(
    Effect.forEach(ownAddresses(), ([address, name]) =>
      Effect.gen(function* () {
        const server = createServer((socket) => {
          hear(heard, name)
          socket.destroy()
        })
        const port = yield* listenTcp(server, { host: address, port: 0 })
        yield* listenUdp(address, port, () => hear(heard, name))
        return [{ name, address, port }]
      }).pipe(Effect.orElseSucceed(() => [])),
    ),
    (all) => all.flat(),
  )

/** Listens until the scope closes. Returns the port. */
export const listenTcp = (
  server: Server,
  at: { readonly host: string; readonly port: number } | { readonly path: string },
): Effect.Effect<number, GroundFailure, Scope.Scope> => {
  const sockets = new Set<Socket>()
  server.on("connection", (socket: Socket) => {
    sockets.add(socket)
    socket.on("error", () => socket.destroy())
    socket.once("close", () => sockets.delete(socket))
  })
  return Effect.map(
    Effect.acquireRelease(
      Effect.async<void, GroundFailure>((resume) => {
        server.once("error", (error) => resume(new GroundFailure({ reason: error.message })))
        server.listen(at, () => resume(Effect.void))
      }),
      () =>
        Effect.sync(() => {
          for (const socket of sockets) socket.destroy()
          server.close()
        }),
    ),
    () => (server.address() as AddressInfo | string | null as AddressInfo | null)?.port ?? 0,
  )
}

const listenUdp = (
  address: string,
  port: number,
  onMessage: () => void,
): Effect.Effect<UdpSocket, GroundFailure, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<UdpSocket, GroundFailure>((resume) => {
      const socket = createSocket(address.includes(":") ? "udp6" : "udp4", onMessage)
      socket.once("error", (error) => resume(new GroundFailure({ reason: error.message })))
      socket.bind(port, address, () => resume(Effect.succeed(socket)))
    }),
    (socket) => Effect.sync(() => socket.close()),
  )

/** Listens on a Unix socket and counts, until the scope closes. */
export const listenAtPath = (heard: Heard, name: string, path: string) =>
  listenTcp(
    createServer((socket) => {
      hear(heard, name)
      socket.destroy()
    }),
    { path },
  )
