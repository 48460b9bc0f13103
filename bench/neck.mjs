// The sidecar against a bare HTTP server on the same kind of socket: calls, and resident memory.
import { Effect, Layer } from "effect"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { Sidecar } from "../dist/index.js"
import * as Home from "../dist/exports/Home.js"
import * as NodeProcessRunner from "../dist/exports/NodeProcessRunner.js"
import * as SidecarProcess from "../dist/exports/SidecarProcess.js"
import { GiteaSimulator } from "../dist/exports/testing.js"
import { serve } from "./children.mjs"
import { issueOf, sidecarConfig, TOKEN } from "./fixtures.mjs"
import { ask, load, rpcRequest } from "./load.mjs"
import { compare, takeTurns } from "./measure.mjs"
import { residentMiB, sidecarPid } from "./memory.mjs"

const ISSUE = 17
const readIssue = rpcRequest("read_issue", { number: ISSUE })

/** The answer of a socket, once, and a bare server that answers the same. */
const bareLike = async (socketPath, directory) => {
  const answer = await ask(socketPath, readIssue)
  if (!answer.body.includes('"result"')) throw new Error(`read_issue was refused: ${answer.body}`)
  const file = join(directory, "answer")
  writeFileSync(file, answer.body)
  const bareSocket = join(directory, "bare.sock")
  const server = await serve("bare.mjs", [bareSocket, "application/json", file])
  return { socketPath: bareSocket, server, answerSize: answer.size }
}

/** `read_issue` at 1 and at 32 in flight: time for each call, and the p99 of latencies. */
export const calls = async (context) => {
  const directory = context.directory("neck")
  const home = Home.homeAt(directory)
  const slug = "bench-aaaaa"
  const { neckSocket } = home.of(slug)
  const neck = await serve("neck.mjs", [directory, slug, String(ISSUE)])
  try {
    const bare = await bareLike(neckSocket, directory)
    try {
      const bareSize = (await ask(bare.socketPath, readIssue)).size
      const rows = []
      for (const inFlight of [1, 32]) {
        const count = (context.quick ? 1500 : 6000) * (inFlight === 1 ? 1 : 2)
        const { floor, ours } = await takeTurns(
          {
            floor: () => load(bare.socketPath, readIssue, { count, inFlight, answerSize: bareSize }),
            ours: () => load(neckSocket, readIssue, { count, inFlight, answerSize: bare.answerSize }),
          },
          { context, rounds: context.quick ? 5 : 15, warmups: 2 },
        )
        const row = (what, unit, pick, aim) =>
          compare({
            name: `read_issue, ${inFlight} in flight: ${what}`,
            floorName: "bare node:http",
            unit,
            floor: floor.map(pick),
            ours: ours.map(pick),
            aim,
          })
        rows.push(row("time for each", "us", ({ each }) => each * 1000, 1.9))
        rows.push(row("p99", "ms", ({ p99 }) => p99, 1.8))
      }
      return rows
    } finally {
      await bare.server.stop()
    }
  } finally {
    await neck.stop()
  }
}

/** Resident memory of the sidecar as it is launched for bottles: when it serves, and after calls over a simulated forge. */
export const memory = (context) => {
  const directory = context.directory("memory")
  const home = Home.homeAt(directory)
  const sidecars = SidecarProcess.layer.pipe(
    Layer.provide(NodeProcessRunner.layer),
    Layer.provide(Layer.succeed(Home.Home, home)),
  )
  let next = 0
  const oneSidecar = (forge) =>
    Effect.gen(function* () {
      const slug = `bench-aaaa${"abcdefghij"[next++ % 10]}`
      const handle = yield* (yield* Sidecar).launch(sidecarConfig(slug, forge.apiUrl, ISSUE))
      return yield* Effect.promise(async () => {
        const pid = await sidecarPid(home.of(slug).controlSocket)
        const fresh = residentMiB(pid)
        const bare = await bareLike(handle.socketPath, context.directory("bare"))
        try {
          const bareFresh = residentMiB(bare.server.pid)
          const bareSize = (await ask(bare.socketPath, readIssue)).size
          const many = { count: context.quick ? 300 : 2000, inFlight: 8 }
          await load(handle.socketPath, readIssue, { ...many, answerSize: bare.answerSize })
          await load(bare.socketPath, readIssue, { ...many, answerSize: bareSize })
          return {
            fresh: { ours: fresh, floor: bareFresh },
            used: { ours: residentMiB(pid), floor: residentMiB(bare.server.pid) },
          }
        } finally {
          await bare.server.stop()
        }
      }).pipe(Effect.ensuring(Effect.orDie(handle.stop)))
    })
  return Effect.gen(function* () {
    const forge = yield* GiteaSimulator.make({
      users: [{ login: "bot", token: TOKEN }],
      repos: [{ owner: "acme", name: "tool", collaborators: { bot: "write" }, issues: [issueOf(ISSUE)] }],
    })
    const runtime = yield* Effect.runtime()
    const { both } = yield* Effect.promise(() =>
      takeTurns(
        { both: () => Effect.runPromise(Effect.provide(oneSidecar(forge), runtime)) },
        { context, rounds: context.quick ? 2 : 5, warmups: 0 },
      ),
    )
    return ["fresh", "used"].map((when) =>
      compare({
        name: `sidecar's memory, ${when === "fresh" ? "serving" : "after calls"}`,
        floorName: "bare node:http",
        unit: "MiB",
        floor: both.map((sample) => sample[when].floor),
        ours: both.map((sample) => sample[when].ours),
        aim: 1.7,
      }),
    )
  }).pipe(Effect.scoped, Effect.provide(sidecars), Effect.runPromise)
}
