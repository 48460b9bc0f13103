/** Runs the program once, against a village in memory, with sidecars as processes of the bin beside this file. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect } from "effect"
import { fileURLToPath } from "node:url"
import { layers, sidecarsOf, workOn } from "./program.ts"
import { villageServer } from "./villageServer.ts"

const script = `forge call count-words number=17
echo "It is measured." | forge post-comment 17
echo "So is this." | forge post-comment 500 || echo "refused with $?"
forge signal-done success "measured it"`

const program = Effect.gen(function* () {
  const { url, token, writes } = yield* villageServer
  yield* workOn({ apiUrl: url, token, owner: "ada", repo: "cellar" }, 17, (event) =>
    event._tag === "Output" ? Effect.sync(() => void process.stdout.write(event.bytes)) : Effect.void,
  )
  yield* Effect.sync(() => console.log(writes))
})

const bin = fileURLToPath(new URL("sidecar.js", import.meta.url))
NodeRuntime.runMain(Effect.provide(Effect.scoped(program), layers(sidecarsOf(bin), script)))
