// The orchestrator over a simulated Gitea: from a webhook to a bottle, webhooks per second, a sweep, bottles at work, idleness, a start.
import { Effect, Layer, Redacted } from "effect"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { orchestrateStart } from "../dist/index.js"
import { GiteaSimulator } from "../dist/exports/testing.js"
import { run, serve, start } from "./children.mjs"
import { BIN } from "./commands.mjs"
import { HOOK_SECRET, parts, service } from "./fakeService.mjs"
import { forgeSeed, TOKEN } from "./fixtures.mjs"
import { compare, takeTurns } from "./measure.mjs"
import { busyMs, residentMiB } from "./memory.mjs"
import { steadily, together } from "./webhooks.mjs"

const LABEL = "bot-bottle:carpenter"
/** What a webhook may add to the time of a start. */
const REACTION_MS = 150
const SECOND = 1000

/** One row whose floor is a fixed amount. */
export const within = (name, unit, most, ours) =>
  compare({ name, floorName: `${most} ${unit}`, unit, floor: ours.map(() => most), ours, aim: 1 })

/** `use` of the API of a forge in a process of its own. */
export const withForge = async (context, [repositories, issues, targeted], use) => {
  const file = join(context.directory("forge"), "port")
  const forge = await serve("gitea.mjs", [file, repositories, issues, targeted].map(String))
  const url = `http://127.0.0.1:${readFileSync(file, "utf8")}`
  try {
    return await use(`${url}/api/v1`, async () => Number(await (await fetch(`${url}/count`)).text()))
  } finally {
    await forge.stop()
  }
}

/** From the webhook of an issue to the engine's `create`, against a start of the same agent by a program. */
export const reaction = (context) => {
  let created = () => undefined
  const step = (name) => {
    if (name === "create") created(performance.now())
  }
  const untilCreated = (act) =>
    Effect.gen(function* () {
      const at = new Promise((resolve) => (created = resolve))
      const begun = performance.now()
      yield* act
      return (yield* Effect.promise(() => at)) - begun
    })
  const turns = context.quick ? 5 : 15
  return Effect.gen(function* () {
    const gitea = yield* GiteaSimulator.make(forgeSeed(2, turns + 1))
    const acme = gitea.as("acme")
    const at = (repo, number) => ({ owner: "acme", repo, number })
    const give = (issue) =>
      Effect.zipRight(acme.label(issue, LABEL), acme.assign(issue, "bot")).pipe(Effect.as(issue))
    const runtime = yield* Effect.runtime()
    const begun = (act) => Effect.runPromise(Effect.provide(untilCreated(act), runtime))
    const listening = new Promise((resolve) => {
      const observe = (event) => event._tag === "Serving" && resolve(event.listening)
      Effect.runFork(Effect.provide(Layer.launch(service(gitea.apiUrl, { running: 1000, observe })), runtime))
    })
    gitea.state.repo("acme", "tool2").hooks.push({
      id: 1,
      type: "gitea",
      active: true,
      events: ["issues", "issue_label", "issue_assign"],
      branchFilter: "",
      url: `http://${yield* Effect.promise(() => listening)}/webhook`,
      contentType: "json",
      authorization: "",
      secret: HOOK_SECRET,
      createdAt: gitea.state.now(),
      updatedAt: gitea.state.now(),
    })
    const numbers = { floor: 0, ours: 0 }
    const target = { kind: "gitea", apiUrl: gitea.apiUrl, token: Redacted.make(TOKEN), owner: "acme" }
    const { floor, ours } = yield* Effect.promise(() =>
      takeTurns(
        {
          floor: async () => {
            const issueNumber = (numbers.floor += 1)
            await Effect.runPromise(give(at("tool1", issueNumber)))
            const forge = { target: { ...target, repo: "tool1" }, assignment: { issueNumber } }
            const started = orchestrateStart({ agent: "carpenter", prompt: "Mend it.", forge })
            return begun(Effect.forkDaemon(Effect.tapErrorCause(started, (c) => Effect.logError(c))))
          },
          ours: async () => {
            const issue = at("tool2", (numbers.ours += 1))
            await Effect.runPromise(Effect.zipRight(acme.label(issue, LABEL), gitea.webhooks.idle))
            return begun(acme.assign(issue, "bot"))
          },
        },
        { context, rounds: turns, warmups: 1 },
      ),
    )
    return [
      compare({
        name: "from webhook to create",
        floorName: `a start and ${REACTION_MS} ms`,
        unit: "ms",
        floor: floor.map((time) => time + REACTION_MS),
        ours,
        aim: 1,
      }),
    ]
  }).pipe(Effect.scoped, Effect.provide(parts(context.directory("reaction"), step)), Effect.runPromise)
}

/** Signed webhooks, each on the disk before its response, while the service looks at their issues. */
export const webhooks = (context) =>
  withForge(context, [1, 100, "plain"], async (apiUrl) => {
    const directory = context.directory("webhooks")
    const file = join(directory, "address")
    const server = await serve("service.mjs", [directory, apiUrl, file])
    const url = `http://${readFileSync(file, "utf8")}/webhook`
    try {
      const { steady, most } = await takeTurns(
        {
          steady: () => steadily(url, { rate: 100, seconds: context.quick ? 3 : 10 }),
          most: () => together(url, { connections: 50, count: context.quick ? 2000 : 10_000 }),
        },
        { context, rounds: context.quick ? 2 : 5, warmups: 1 },
      )
      return [
        within("webhooks, 100 per second: p99", "ms", 50, steady),
        within("webhooks, 50 connections: time for each", "ms", 1, most),
      ]
    } finally {
      await server.stop()
    }
  })

/** A service of the command line over a forge where nothing happens. */
export const idle = (context) =>
  withForge(context, [1, 10, "plain"], async (apiUrl) => {
    const home = context.directory("idle")
    mkdirSync(home, { recursive: true })
    writeFileSync(join(home, "token"), TOKEN, { mode: 0o600 })
    writeFileSync(join(home, "hook"), HOOK_SECRET, { mode: 0o600 })
    writeFileSync(
      join(home, "orchestrator.yaml"),
      JSON.stringify({
        forge: { api: apiUrl, token: { file: join(home, "token") } },
        repositories: { "acme/*": {} },
        listen: "127.0.0.1:0",
        webhook: { secret: { file: join(home, "hook") } },
      }),
    )
    const env = { PATH: process.env.PATH, HOME: home, BOT_BOTTLE_HOME: home }
    const server = await start(BIN, ["orchestrate", "serve", "--json"], { env })
    const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * SECOND))
    try {
      await pause(context.quick ? 5 : 15)
      const seconds = context.quick ? 20 : 60
      const before = busyMs(server.pid)
      await pause(seconds)
      return [
        within("idle service: memory", "MB", 120, [(residentMiB(server.pid) * 1024 ** 2) / 1e6]),
        within("idle service: share of a core", "%", 0.5, [
          ((busyMs(server.pid) - before) / (seconds * SECOND)) * 100,
        ]),
      ]
    } finally {
      await server.stop()
    }
  })

/** Bottles at work in one process, and the start of a service that finds them. */
export const atWork = (context) => {
  const count = context.quick ? 100 : 1000
  return withForge(context, [1, count, "targeted"], async (apiUrl) => {
    const script = new URL("servers/atWork.mjs", import.meta.url).pathname
    const args = ["--expose-gc", script, context.directory("work"), apiUrl, String(count)]
    const { memory, built, all } = JSON.parse((await run(process.execPath, args)).stdout)
    return [
      within(`${count} fake bottles at work: memory`, "MB", 1000, [(memory * 1024 ** 2) / 1e6]),
      within(`start with ${count} live rows`, "ms", 3000, [built]),
      compare({
        name: "  until each was looked at",
        floorName: "the start",
        unit: "ms",
        floor: [built],
        ours: [all],
      }),
    ]
  })
}
