// A simulated Gitea in a process of its own, with that many repositories and issues of the user `acme`. It writes its port to its argument.
import { Effect } from "effect"
import { writeFileSync } from "node:fs"
import { GiteaSimulator } from "../../dist/exports/testing.js"
import { forgeSeed } from "../fixtures.mjs"

const [file, repositories, issues] = process.argv.slice(2)

const program = Effect.gen(function* () {
  const gitea = yield* GiteaSimulator.make(forgeSeed(Number(repositories), Number(issues)))
  writeFileSync(file, new URL(gitea.url).port)
  process.stdout.write("ready\n")
  yield* Effect.never
})
process.stdin.once("end", () => process.exit(0)).resume()
await Effect.runPromise(Effect.scoped(program))
