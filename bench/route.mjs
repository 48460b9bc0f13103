// A call to a model through a route against the same call made directly: until the first byte of the answer.
import { Effect, Layer } from "effect"
import { readFileSync } from "node:fs"
import { Agent, request } from "node:http"
import { join } from "node:path"
import { Sidecar } from "../dist/index.js"
import * as Home from "../dist/exports/Home.js"
import * as NodeProcessRunner from "../dist/exports/NodeProcessRunner.js"
import * as SidecarProcess from "../dist/exports/SidecarProcess.js"
import { serve } from "./children.mjs"
import { compare, median, takeTurns } from "./measure.mjs"

/** What a route may add. */
const MORE_MS = 2
const SECRET = "BOT_BOTTLE_BENCH_KEY"

/** Milliseconds until the first byte of an answer, whose rest is read too. */
const firstByte = (where) =>
  new Promise((resolve, reject) => {
    const start = performance.now()
    let first
    const asked = request({ method: "POST", ...where }, (answer) => {
      if (answer.statusCode !== 200) reject(new Error(`answered ${answer.statusCode}`))
      answer.on("data", () => (first ??= performance.now() - start))
      answer.once("end", () => resolve(first))
    })
    asked.once("error", reject)
    asked.end("{}")
  })

const each = async (where, count) => {
  const times = []
  for (let n = 0; n < count; n += 1) times.push(await firstByte(where))
  return median(times)
}

/** A call whose use is counted and limited: its path is that of a model's API, and its body is read before its end passes on. */
const METERED = "/v1/messages"

/** Server-sent events through a route, and through one that counts what the call uses: time to first byte. */
export const route = async (context) => {
  const directory = context.directory("route")
  const file = join(directory, "port")
  const model = await serve("events.mjs", [file])
  const port = Number(readFileSync(file, "utf8"))
  const agent = new Agent({ keepAlive: true })
  const home = Home.homeAt(directory)
  const slug = "bench-aaaaa"
  const sidecars = SidecarProcess.layer.pipe(
    Layer.provide(NodeProcessRunner.layer),
    Layer.provide(Layer.succeed(Home.Home, home)),
  )
  const config = {
    slug,
    push: [],
    routes: {
      model: {
        upstream: `http://127.0.0.1:${port}`,
        header: "Authorization",
        scheme: "Bearer",
        secret: { env: SECRET },
        private: true,
      },
    },
    // Never reached: what is measured is that each call is admitted.
    limits: { connections: 256, callRate: 1_000_000, logBytes: 2 ** 30, comments: 0, calls: 1_000_000 },
    egress: { allow: [] },
    git: {},
    loopback: false,
  }
  const measured = Effect.gen(function* () {
    process.env[SECRET] = "bench-0123456789"
    const handle = yield* Effect.acquireRelease((yield* Sidecar).launch(config), (handle) =>
      Effect.ignore(handle.stop),
    )
    const count = context.quick ? 20 : 50
    return yield* Effect.tryPromise({
      try: () =>
        takeTurns(
          {
            floor: () => each({ host: "127.0.0.1", port, path: "/v1/ask", agent }, count),
            ours: () => each({ socketPath: handle.socketPath, path: "/route/model/v1/ask", agent }, count),
            metered: () =>
              each({ socketPath: handle.socketPath, path: `/route/model${METERED}`, agent }, count),
          },
          { context, rounds: context.quick ? 5 : 15, warmups: 2 },
        ),
      catch: (error) => error,
    })
  }).pipe(Effect.scoped, Effect.provide(sidecars))
  try {
    const { floor, ours, metered } = await Effect.runPromise(measured)
    const floorName = `a direct call and ${MORE_MS} ms`
    return [
      compare({
        name: "events through a route: first byte",
        floorName,
        unit: "ms",
        floor: floor.map((time) => time + MORE_MS),
        ours,
        aim: 1,
      }),
      compare({
        name: "counted and limited events through a route: first byte",
        floorName,
        unit: "ms",
        floor: floor.map((time) => time + MORE_MS),
        ours: metered,
        aim: 1,
      }),
    ]
  } finally {
    agent.destroy()
    await model.stop()
  }
}
