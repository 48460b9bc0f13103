// A sweep that reads every issue of many repositories and knows them all.
import { Context, Effect, Layer, Redacted } from "effect"
import { join } from "node:path"
import * as GiteaForges from "../dist/exports/GiteaForges.js"
import * as SqliteOrchestratorStores from "../dist/exports/SqliteOrchestratorStores.js"
import { Inbox, SweepCursors } from "../dist/exports/Orchestrator.js"
import { sweepOnce } from "../dist/orchestrator/sweep/sweepOnce.js"
import { TOKEN } from "./fixtures.mjs"
import { withForge, within } from "./orchestrator.mjs"
import { compare, takeTurns } from "./measure.mjs"

const REPOSITORIES = 100
const PAGE = 50

/** Processor time and requests of a sweep over 10,000 resting issues that all changed within its window; 1,000 in a quick run. */
export const sweep = (context) => {
  const each = context.quick ? 10 : 100
  const issues = REPOSITORIES * each
  return withForge(context, [REPOSITORIES, each, "plain"], async (apiUrl, requests) => {
    const filename = join(context.directory("sweep"), "bench.db")
    const begun = Date.now() - 3_600_000
    const program = Effect.gen(function* () {
      const all = yield* Effect.context()
      const cursors = Context.get(all, SweepCursors)
      const options = {
        access: { kind: "gitea", apiUrl, token: Redacted.make(TOKEN) },
        forge: apiUrl,
        isListed: () => true,
        listing: "all",
        accept: Context.get(all, Inbox).accept,
      }
      const once = Effect.zipRight(
        cursors.set(apiUrl, { forgeTime: begun, sweptAt: Date.now(), listing: "all" }),
        sweepOnce(options),
      )
      return yield* Effect.promise(() =>
        takeTurns(
          {
            bare: () => busy(() => readPages(apiUrl, issues)),
            ours: async () => {
              const before = await requests()
              const found = []
              const used = await busy(async () => {
                found.push((await Effect.runPromise(Effect.provide(once, all))).found)
              })
              if (found[0] !== issues) throw new Error(`the sweep found ${found[0]} issues`)
              return { used, asked: (await requests()) - before }
            },
          },
          { context, rounds: context.quick ? 2 : 5, warmups: 1 },
        ),
      )
    })
    const { bare, ours } = await Effect.runPromise(
      Effect.provide(program, Layer.merge(GiteaForges.layer, SqliteOrchestratorStores.layer({ filename }))),
    )
    const used = ours.map((sample) => sample.used)
    return [
      within(`sweep of ${issues} issues: processor time`, "ms", 2000, used),
      within(
        "  requests",
        "requests",
        300,
        ours.map(({ asked }) => asked),
      ),
      compare({
        name: "  processor time",
        floorName: "fetch of the same pages",
        unit: "ms",
        floor: bare,
        ours: used,
      }),
    ]
  })
}

/** Milliseconds of processor time that this process uses meanwhile. */
const busy = async (action) => {
  const before = process.cpuUsage()
  await action()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

/** The least that a sweep costs: the pages, parsed. */
const readPages = async (apiUrl, issues) => {
  for (let page = 1; page <= issues / PAGE; page += 1) {
    const url = `${apiUrl}/repos/issues/search?state=all&limit=${PAGE}&page=${page}`
    await (await fetch(url, { headers: { authorization: `token ${TOKEN}` } })).json()
  }
}
