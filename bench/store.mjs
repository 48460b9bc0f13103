// ForgeStateStore.upsert against better-sqlite3 with the same statement, prepared, on a file of the same kind.
import Database from "better-sqlite3"
import { Effect, Option } from "effect"
import { join } from "node:path"
import { ForgeState, ForgeStateStore } from "../dist/index.js"
import * as SqliteForgeStateStore from "../dist/exports/SqliteForgeStateStore.js"
import { compare, takeTurns, timed } from "./measure.mjs"

const rows = Array.from(
  { length: 50 },
  (_, index) =>
    new ForgeState({
      forge: "https://git.example/api/v1",
      owner: "acme",
      repo: "tool",
      issueNumber: index + 1,
      slug: "bench-aaaaa",
      agentName: "carpenter",
      bottleNames: ["small"],
      backendName: "docker",
      agentGitUser: "bot",
      prNumber: Option.none(),
      status: "running",
      lastCheckinAt: "2026-01-02T03:04:05.000Z",
    }),
)

/** Time of one upsert. */
export const upsert = (context) => {
  const directory = context.directory("store")
  const count = context.quick ? 400 : 2000
  const floor = bare(join(directory, "bare.db"))
  return Effect.gen(function* () {
    const store = yield* ForgeStateStore
    const many = Effect.forEach(cycle(count), (row) => store.upsert(row), { discard: true })
    const samples = yield* Effect.promise(() =>
      takeTurns(
        {
          floor: () =>
            timed(() => {
              for (const row of cycle(count)) floor.upsert(row)
            }),
          ours: () => timed(() => Effect.runPromise(many)),
        },
        { context, rounds: context.quick ? 5 : 15, warmups: 2 },
      ),
    )
    const each = (all) => (all / count) * 1000
    return [
      compare({
        name: "ForgeStateStore.upsert",
        floorName: "better-sqlite3",
        unit: "us",
        floor: samples.floor.map(each),
        ours: samples.ours.map(each),
      }),
    ]
  }).pipe(
    Effect.provide(SqliteForgeStateStore.layer({ filename: join(directory, "ours.db") })),
    Effect.ensuring(Effect.sync(floor.close)),
    Effect.runPromise,
  )
}

const cycle = (count) => Array.from({ length: count }, (_, index) => rows[index % rows.length])

const bare = (filename) => {
  const database = new Database(filename)
  database.pragma("journal_mode = WAL")
  database.exec(`CREATE TABLE forge_state (
    forge TEXT NOT NULL, owner TEXT NOT NULL, repo TEXT NOT NULL, issue_number INTEGER NOT NULL, slug TEXT, agent_name TEXT, bottle_names TEXT,
    backend_name TEXT, agent_git_user TEXT, pr_number INTEGER, status TEXT, last_checkin_at TEXT, last_checkin_ms INTEGER,
    PRIMARY KEY (forge, owner, repo, issue_number))`)
  const statement = database.prepare(`INSERT INTO forge_state VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET slug = excluded.slug, agent_name = excluded.agent_name, bottle_names = excluded.bottle_names,
      backend_name = excluded.backend_name, agent_git_user = excluded.agent_git_user, pr_number = excluded.pr_number,
      status = excluded.status, last_checkin_at = excluded.last_checkin_at, last_checkin_ms = excluded.last_checkin_ms`)
  const upsert = (row) =>
    statement.run(
      row.forge,
      row.owner,
      row.repo,
      row.issueNumber,
      row.slug,
      row.agentName,
      JSON.stringify(row.bottleNames),
      row.backendName,
      row.agentGitUser,
      Option.getOrNull(row.prNumber),
      row.status,
      row.lastCheckinAt,
      Date.parse(row.lastCheckinAt),
    )
  return { upsert, close: () => database.close() }
}
