/** Listeners of a ground: TCP, UDP and Unix sockets of this machine that count who comes. */
import { Effect, type Scope } from "effect"
import { type Socket as UdpSocket, createSocket } from "node:dgram"
import { type AddressInfo, type Server, type Socket, createServer } from "node:net"
import { networkInterfaces } from "node:os"
import type { GroundListener } from "../../domain/ProbeGround.ts"
import { GroundFailure } from "../../services/ProvingGround.ts"

/** How often each listener was reached, by its name. */
export type Heard = Map<string, number>

/** A machine with many engines' bridges has enough with those. */
const ADDRESSES_MAX = 8

/** One more came to a listener. */
export const hear = (heard: Heard, name: string): void => void heard.set(name, (heard.get(name) ?? 0) + 1)

/** Addresses of this machine beside its loopback, which is one of them too: a bottle's loopback is another. */
const ownAddresses = (): ReadonlyArray<{ readonly name: string; readonly address: string }> => {
  const found = Object.entries(networkInterfaces()).flatMap(([name, all = []]) =>
    all
      .filter(({ address }) => !/^fe80:/i.test(address))
      .map(({ address, family }) => ({ name: family === "IPv6" ? `${name} over IPv6` : name, address })),
  )
  const names = new Set<string>()
  return found
    .map(({ name, address }) => {
      const unique = names.has(name) ? `${name} ${address}` : name
      names.add(unique)
      return { name: unique, address }
    })
    .slice(0, ADDRESSES_MAX)
}

/** Listens on TCP and UDP at the addresses of this machine, until the scope closes. One that cannot be had is left out. */
export const listenOnMachine = (
  heard: Heard,
): Effect.Effect<ReadonlyArray<GroundListener>, never, Scope.Scope> =>
  Effect.map(
    Effect.forEach(ownAddresses(), ({ name, address }) =>
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

/** Listens until the scope closes; answers the port. */
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

/** Listens at a Unix socket and counts, until the scope closes. */
export const listenAtPath = (heard: Heard, name: string, path: string) =>
  listenTcp(
    createServer((socket) => {
      hear(heard, name)
      socket.destroy()
    }),
    { path },
  )
