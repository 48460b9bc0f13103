// Tunnels through the neck against a plain splice of two sockets: how fast bytes pass, how long a small request takes, and memory.
import { Effect, Layer } from "effect"
import { readFileSync } from "node:fs"
import { connect } from "node:net"
import { join } from "node:path"
import { Sidecar } from "../dist/index.js"
import * as Home from "../dist/exports/Home.js"
import * as NodeProcessRunner from "../dist/exports/NodeProcessRunner.js"
import * as SidecarProcess from "../dist/exports/SidecarProcess.js"
import { serve } from "./children.mjs"
import { LIMITS } from "./fixtures.mjs"
import { compare, median, takeTurns, timed } from "./measure.mjs"
import { residentMiB, sidecarPid } from "./memory.mjs"

/** What a tunnel may add to a small request on a connection of its own. */
const MORE_MS = 1
/** Largest ratio of times that keeps 0.8 of the floor's throughput. */
const THROUGHPUT_AIM = 1 / 0.8
const SMALL = 100
const TUNNELS = 500
const TUNNELS_MIB_MAX = 150e6 / 1024 ** 2

/** Asks for so many bytes on a new connection, which `stay`s open or ends; `target` names where a CONNECT is to lead, if one is needed. */
const fetchBytes = (where, bytes, target, stay = false) =>
  new Promise((resolve, reject) => {
    const socket = connect({ ...where, noDelay: true })
    let left = bytes
    const ask = () => {
      socket.on("data", (chunk) => {
        left -= chunk.length
        if (left > 0) return
        if (stay) resolve(socket)
        else socket.end(resolve)
      })
      socket.write(`${bytes}\n`)
    }
    socket.once("error", reject)
    if (target === undefined) return ask()
    socket.once("data", (head) =>
      String(head).startsWith("HTTP/1.1 200 ") ? ask() : reject(new Error(String(head))),
    )
    socket.write(`CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n\r\n`)
  })

const each = async (count, fetch) => {
  const times = []
  for (let n = 0; n < count; n += 1) times.push(await timed(fetch))
  return median(times)
}

/** Memory of a process while so many connections through it stand that have passed 64 KiB each. */
const withTunnels = async (pid, open) => {
  const sockets = []
  for (let n = 0; n < TUNNELS; n += 50) {
    sockets.push(...(await Promise.all(Array.from({ length: 50 }, () => open(64 * 1024)))))
  }
  const used = residentMiB(pid)
  for (const socket of sockets) socket.destroy()
  return used
}

/** Throughput of one tunnel, time of a small request by a new one, and memory of many. */
export const egress = async (context) => {
  const directory = context.directory("egress")
  const file = join(directory, "port")
  const source = await serve("source.mjs", [file])
  const port = Number(readFileSync(file, "utf8"))
  const target = `127.0.0.1:${port}`
  const spliced = { path: join(directory, "splice.sock") }
  const splice = await serve("splice.mjs", [spliced.path, String(port)])
  const home = Home.homeAt(directory)
  const sidecars = SidecarProcess.layer.pipe(
    Layer.provide(NodeProcessRunner.layer),
    Layer.provide(Layer.succeed(Home.Home, home)),
  )
  const config = {
    slug: "bench-aaaaa",
    push: [],
    routes: {},
    egress: { allow: [{ host: "127.0.0.1", port, private: true, tls: false }] },
    git: {},
    loopback: false,
    limits: LIMITS,
  }
  const bytes = (context.quick ? 64 : 512) * 1024 * 1024
  const count = context.quick ? 20 : 100
  const turns = { context, rounds: context.quick ? 5 : 11, warmups: 1 }
  const measured = Effect.gen(function* () {
    const handle = yield* Effect.acquireRelease((yield* Sidecar).launch(config), (handle) =>
      Effect.ignore(handle.stop),
    )
    const neck = { path: handle.socketPath }
    const pid = yield* Effect.promise(() => sidecarPid(home.of(config.slug).controlSocket))
    return yield* Effect.tryPromise({
      try: async () => [
        await takeTurns(
          {
            floor: () => timed(() => fetchBytes(spliced, bytes)),
            ours: () => timed(() => fetchBytes(neck, bytes, target)),
          },
          turns,
        ),
        await takeTurns(
          {
            floor: () => each(count, () => fetchBytes(spliced, SMALL)),
            ours: () => each(count, () => fetchBytes(neck, SMALL, target)),
          },
          turns,
        ),
        await takeTurns(
          {
            floor: () => withTunnels(splice.pid, (size) => fetchBytes(spliced, size, undefined, true)),
            ours: () => withTunnels(pid, (size) => fetchBytes(neck, size, target, true)),
          },
          { ...turns, rounds: context.quick ? 2 : 5 },
        ),
      ],
      catch: (error) => error,
    })
  }).pipe(Effect.scoped, Effect.provide(sidecars))
  try {
    const [large, small, many] = await Effect.runPromise(measured)
    return [
      compare({
        name: `a tunnel: ${bytes / 1024 / 1024} MiB`,
        floorName: "a plain splice",
        unit: "ms",
        ...large,
        aim: THROUGHPUT_AIM,
      }),
      compare({
        name: "a tunnel: small request",
        floorName: `a plain splice and ${MORE_MS} ms`,
        unit: "ms",
        floor: small.floor.map((time) => time + MORE_MS),
        ours: small.ours,
        aim: 1,
      }),
      compare({
        name: `memory of a sidecar with ${TUNNELS} tunnels`,
        floorName: "150 MB",
        unit: "MiB",
        floor: many.ours.map(() => TUNNELS_MIB_MAX),
        ours: many.ours,
        aim: 1,
      }),
      compare({
        name: `memory of a sidecar with ${TUNNELS} tunnels`,
        floorName: "a plain splice",
        unit: "MiB",
        ...many,
      }),
    ]
  } finally {
    await splice.stop()
    await source.stop()
  }
}
