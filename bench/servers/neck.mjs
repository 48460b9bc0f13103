// A sidecar over a FakeForge, in a process of its own. Arguments: home, slug, number of the issue.
import { Effect, Layer } from "effect"
import { Sidecar } from "../../dist/index.js"
import * as Home from "../../dist/exports/Home.js"
import * as SidecarInProcess from "../../dist/exports/SidecarInProcess.js"
import { FakeForge } from "../../dist/exports/testing.js"
import { issueOf, sidecarConfig } from "../fixtures.mjs"

const [home, slug, issue] = process.argv.slice(2)
const fake = await Effect.runPromise(FakeForge.make({ issues: [issueOf(Number(issue))] }))
const sidecars = SidecarInProcess.layerWith({}).pipe(
  Layer.provide(FakeForge.forges(fake)),
  Layer.provide(Layer.succeed(Home.Home, Home.homeAt(home))),
)
const serving = Effect.gen(function* () {
  yield* (yield* Sidecar).launch(sidecarConfig(slug, "http://127.0.0.1:9/api/v1", Number(issue)))
  process.stdout.write("ready\n")
  yield* Effect.never
}).pipe(Effect.provide(sidecars))

Effect.runFork(serving)
process.stdin.once("end", () => process.exit(0)).resume()
