// A tunnel through the neck against a plain splice of two sockets: how fast bytes pass, and how long a small request takes.
import { Effect, Layer } from "effect"
import { readFileSync } from "node:fs"
import { connect } from "node:net"
import { join } from "node:path"
import { Sidecar } from "../dist/index.js"
import * as Home from "../dist/exports/Home.js"
import * as NodeProcessRunner from "../dist/exports/NodeProcessRunner.js"
import * as SidecarProcess from "../dist/exports/SidecarProcess.js"
import { serve } from "./children.mjs"
import { compare, median, takeTurns, timed } from "./measure.mjs"

/** What a tunnel may add to a small request on a connection of its own. */
const MORE_MS = 1
/** Largest ratio of times that keeps 0.8 of the floor's throughput. */
const THROUGHPUT_AIM = 1 / 0.8
const SMALL = 100

/** Asks for so many bytes on a new connection; `target` names where a CONNECT is to lead, if one is needed. */
const fetchBytes = (where, bytes, target) =>
  new Promise((resolve, reject) => {
    const socket = connect({ ...where, noDelay: true })
    let left = bytes
    const ask = () => {
      socket.on("data", (chunk) => {
        left -= chunk.length
        if (left === 0) socket.end(resolve)
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

/** Throughput of one tunnel, and time of a small request by a new one. */
export const egress = async (context) => {
  const directory = context.directory("egress")
  const file = join(directory, "port")
  const source = await serve("source.mjs", [file])
  const port = Number(readFileSync(file, "utf8"))
  const target = `127.0.0.1:${port}`
  const spliced = { path: join(directory, "splice.sock") }
  const splice = await serve("splice.mjs", [spliced.path, String(port)])
  const sidecars = SidecarProcess.layer.pipe(
    Layer.provide(NodeProcessRunner.layer),
    Layer.provide(Layer.succeed(Home.Home, Home.homeAt(directory))),
  )
  const config = {
    slug: "bench-aaaaa",
    forgeEnv: {},
    push: [],
    routes: {},
    egress: { allow: [{ host: "127.0.0.1", port, private: true, tls: false }] },
    git: {},
    loopback: false,
  }
  const bytes = (context.quick ? 64 : 512) * 1024 * 1024
  const count = context.quick ? 20 : 100
  const turns = { context, rounds: context.quick ? 5 : 11, warmups: 1 }
  const measured = Effect.gen(function* () {
    const handle = yield* Effect.acquireRelease((yield* Sidecar).launch(config), (handle) =>
      Effect.ignore(handle.stop),
    )
    const neck = { path: handle.socketPath }
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
      ],
      catch: (error) => error,
    })
  }).pipe(Effect.scoped, Effect.provide(sidecars))
  try {
    const [large, small] = await Effect.runPromise(measured)
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
    ]
  } finally {
    await splice.stop()
    await source.stop()
  }
}
