// How many hints per second the inbox accepts durably, from 50 writers at once.
import Database from "better-sqlite3"
import { Effect } from "effect"
import { join } from "node:path"
import { HintId, InboxHint } from "../dist/domain/orchestrator/InboxHint.js"
import * as SqliteInbox from "../dist/layers/sqlite/SqliteInbox.js"
import { Inbox } from "../dist/services/Inbox.js"
import { compare, takeTurns, timed } from "./measure.mjs"

const WRITERS = 50

/** Time of one accept, with all writers at work. */
export const accepting = (context) => {
  const directory = context.directory("inbox")
  const each = context.quick ? 10 : 40
  const floor = bare(join(directory, "bare.db"))
  let taken = 0
  const hint = () =>
    new InboxHint({
      id: HintId.make(`delivery:${(taken += 1)}`),
      forge: "https://git.example/api/v1",
      owner: "acme",
      repo: "tool",
      issueNumber: 1 + (taken % 100),
      kind: "comment",
      receivedAt: 1767225600000,
      detail: { action: "created", actor: { login: "ada", id: 2 } },
    })
  return Effect.gen(function* () {
    const inbox = yield* Inbox
    const writer = Effect.repeatN(
      Effect.suspend(() => inbox.accept(hint())),
      each - 1,
    )
    const all = Effect.all(
      Array.from({ length: WRITERS }, () => writer),
      { concurrency: "unbounded" },
    )
    const samples = yield* Effect.promise(() =>
      takeTurns(
        {
          floor: () =>
            timed(() => {
              for (let turn = 0; turn < each; turn += 1) floor.accept(Array.from({ length: WRITERS }, hint))
            }),
          ours: () => timed(() => Effect.runPromise(all)),
        },
        { context, rounds: context.quick ? 5 : 15, warmups: 2 },
      ),
    )
    const one = (time) => (time / (each * WRITERS)) * 1000
    return [
      compare({
        name: "Inbox.accept, 50 at once",
        floorName: "better-sqlite3",
        unit: "us",
        floor: samples.floor.map(one),
        ours: samples.ours.map(one),
      }),
    ]
  }).pipe(
    Effect.provide(SqliteInbox.layer({ filename: join(directory, "ours.db") })),
    Effect.ensuring(Effect.sync(floor.close)),
    Effect.runPromise,
  )
}

const bare = (filename) => {
  const database = new Database(filename)
  database.pragma("journal_mode = WAL")
  database.pragma("synchronous = FULL")
  database.exec(`CREATE TABLE inbox (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, forge TEXT, owner TEXT, repo TEXT,
    issue_number INTEGER, kind TEXT, received_ms INTEGER, detail TEXT, state TEXT NOT NULL DEFAULT 'open') STRICT`)
  database.exec(
    "CREATE INDEX inbox_open ON inbox (forge, owner, repo, issue_number, seq) WHERE state = 'open'",
  )
  const insert =
    database.prepare(`INSERT INTO inbox (id, forge, owner, repo, issue_number, kind, received_ms, detail)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`)
  const accept = database.transaction((hints) => {
    for (const { id, forge, owner, repo, issueNumber, kind, receivedAt, detail } of hints)
      insert.run(id, forge, owner, repo, issueNumber, kind, receivedAt, JSON.stringify(detail))
  })
  return { accept, close: () => database.close() }
}
