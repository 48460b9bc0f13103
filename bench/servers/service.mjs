// The orchestrator over fakes in a separate process, for the forge of its second argument. Writes the address of its webhooks to the third.
import { Effect, Layer } from "effect"
import { writeFileSync } from "node:fs"
import { parts, service } from "../fakeService.mjs"

const [directory, apiUrl, file] = process.argv.slice(2)
const observe = (event) => {
  if (event._tag !== "Serving") return
  writeFileSync(file, event.listening)
  process.stdout.write("ready\n")
}
process.stdin.once("end", () => process.exit(0)).resume()
await Effect.runPromise(Layer.launch(Layer.provide(service(apiUrl, { observe }), parts(directory))))
