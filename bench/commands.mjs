// Commands that do next to nothing, against a node that does nothing.
import { Effect, Option } from "effect"
import { ForgeState, ForgeStateStore } from "../dist/index.js"
import * as SqliteForgeStateStore from "../dist/exports/SqliteForgeStateStore.js"
import { join } from "node:path"
import { run } from "./children.mjs"
import { compare, takeTurns } from "./measure.mjs"

/** The bin. */
export const BIN = new URL("../dist/bin/bot-bottle.cjs", import.meta.url).pathname

/** `--version`, and `orchestrate status --json` over three issues. */
export const commands = async (context) => {
  const home = context.directory("commands")
  await Effect.runPromise(
    Effect.provide(threeIssues, SqliteForgeStateStore.layer({ filename: join(home, "bot-bottle.db") })),
  )
  const env = { PATH: process.env.PATH, HOME: home, BOT_BOTTLE_HOME: home }
  const node = (...args) => run(process.execPath, args, { env }).then(({ all }) => all)
  const { floor, version, status } = await takeTurns(
    {
      floor: () => node("-e", "0"),
      version: () => node(BIN, "--version"),
      status: () => node(BIN, "orchestrate", "status", "--json"),
    },
    { context, rounds: context.quick ? 7 : 25, warmups: 2 },
  )
  const row = (name, ours, aim) => compare({ name, floorName: "node -e 0", unit: "ms", floor, ours, aim })
  return [row("bot-bottle --version", version, 2.5), row("orchestrate status --json", status, 4)]
}

const threeIssues = Effect.gen(function* () {
  const store = yield* ForgeStateStore
  for (const issueNumber of [1, 2, 3]) {
    yield* store.upsert(
      new ForgeState({
        forge: "https://git.example/api/v1",
        owner: "acme",
        repo: "tool",
        issueNumber,
        slug: `issue-${issueNumber}-aaaaa`,
        agentName: "carpenter",
        bottleNames: ["small"],
        backendName: "docker",
        agentGitUser: "bot",
        prNumber: Option.none(),
        status: "frozen",
        lastCheckinAt: "2026-01-02T03:04:05.000Z",
      }),
    )
  }
})
