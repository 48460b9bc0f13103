// A simulated Gitea in a process of its own, with that many repositories and issues of the user `acme`. It writes its port to its argument.
// GET /count returns the number of other requests.
import { Effect } from "effect"
import { writeFileSync } from "node:fs"
import { GiteaSimulator } from "../../dist/exports/testing.js"
import { forgeSeed } from "../fixtures.mjs"

const [file, repositories, issues, targeted] = process.argv.slice(2)
let requests = 0

const count = (request, response) => {
  if (request.url !== "/count") {
    requests += 1
    return false
  }
  response.end(String(requests))
  return true
}

const program = Effect.gen(function* () {
  const seed = forgeSeed(Number(repositories), Number(issues))
  const gitea = yield* GiteaSimulator.make(seed, { mounts: [count] })
  if (targeted === "targeted")
    for (const repo of seed.repos)
      for (const { number } of repo.issues) {
        const issue = { owner: repo.owner, repo: repo.name, number }
        yield* gitea.as("acme").label(issue, "bot-bottle:carpenter")
        yield* gitea.as("acme").assign(issue, "bot")
      }
  writeFileSync(file, new URL(gitea.url).port)
  process.stdout.write("ready\n")
  yield* Effect.never
})
process.stdin.once("end", () => process.exit(0)).resume()
await Effect.runPromise(Effect.scoped(program))
