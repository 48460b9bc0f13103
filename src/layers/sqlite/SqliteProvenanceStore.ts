/** ProvenanceStore on SQLite: a row for each statement, and one for each issue that its run worked on. */
import { Effect, Layer, Schema } from "effect"
import { StateStoreError } from "../../domain/Errors.ts"
import { Envelope } from "../../domain/Provenance.ts"
import { Slug } from "../../domain/Slug.ts"
import { ProvenanceStore } from "../../services/ProvenanceStore.ts"
import * as Database from "./Database.ts"
import type { DatabaseOptions } from "./Database.ts"
import type { Row } from "./run.ts"

export type { DatabaseOptions } from "./Database.ts"

/** The store in the home's database, or in `filename`. Processes may share it. */
export const layer = (options: DatabaseOptions = {}): Layer.Layer<ProvenanceStore, StateStoreError> =>
  Layer.effect(ProvenanceStore, make).pipe(Layer.provide(Database.layer(options)))

const COLUMNS = "slug, run, stated_ms AS at, payload, envelope"

const make = Effect.gen(function* () {
  const database = yield* Database.Database
  const select = (operation: string, rest: string, ...params: ReadonlyArray<string | number>) =>
    Effect.suspend(() =>
      database.run(operation)(`SELECT ${COLUMNS} FROM provenance ${rest}`, ...params),
    ).pipe(Effect.flatMap((rows) => read(operation, rows)))
  return ProvenanceStore.of({
    add: Effect.fn("ProvenanceStore.add")(({ slug, run: number, at, payload }, issues) =>
      database.durable("add", (run) =>
        Effect.gen(function* () {
          const added = yield* run(
            `INSERT INTO provenance (slug, run, stated_ms, payload) VALUES (?, ?, ?, ?)
             ON CONFLICT DO NOTHING RETURNING slug`,
            slug,
            number,
            at,
            payload,
          )
          if (added.length === 0) return
          for (const issue of issues)
            yield* run(
              `INSERT INTO provenance_issues (slug, run, forge, owner, repo, issue_number) VALUES (?, ?, ?, ?, ?, ?)
               ON CONFLICT DO NOTHING`,
              slug,
              number,
              issue.forge,
              issue.owner,
              issue.repo,
              issue.number,
            )
        }),
      ),
    ),
    sign: Effect.fn("ProvenanceStore.sign")((slug, run, envelope) =>
      Effect.asVoid(
        database.run("sign")(
          "UPDATE provenance SET envelope = ? WHERE slug = ? AND run = ? AND envelope IS NULL",
          JSON.stringify(envelope),
          slug,
          run,
        ),
      ),
    ),
    of: Effect.fn("ProvenanceStore.of")((slug) => select("of", "WHERE slug = ? ORDER BY run", slug)),
    ofIssue: Effect.fn("ProvenanceStore.ofIssue")(({ forge, owner, repo, number }) =>
      select(
        "ofIssue",
        `WHERE (slug, run) IN (
           SELECT slug, run FROM provenance_issues
           WHERE owner = ? AND repo = ? AND issue_number = ? AND (? = '' OR forge = ?)
         ) ORDER BY stated_ms, run`,
        owner,
        repo,
        number,
        forge ?? "",
        forge ?? "",
      ),
    ),
    unsigned: select("unsigned", "WHERE envelope IS NULL ORDER BY stated_ms, run"),
    olderThan: Effect.fn("ProvenanceStore.olderThan")((before) =>
      database
        .run("olderThan")("SELECT slug FROM provenance GROUP BY slug HAVING max(stated_ms) < ?", before)
        .pipe(Effect.flatMap((rows) => decoded("olderThan", decodeSlugs(rows)))),
    ),
    forget: Effect.fn("ProvenanceStore.forget")((slug) =>
      database.immediate("forget", (run) =>
        Effect.zipRight(
          run("DELETE FROM provenance_issues WHERE slug = ?", slug),
          Effect.asVoid(run("DELETE FROM provenance WHERE slug = ?", slug)),
        ),
      ),
    ),
  })
})

const decodeRows = Schema.decodeUnknown(
  Schema.Array(
    Schema.Struct({
      slug: Slug,
      run: Schema.Number,
      at: Schema.Number,
      payload: Schema.String,
      envelope: Schema.NullOr(Schema.parseJson(Envelope)),
    }),
  ),
)

const decodeSlugs = (rows: ReadonlyArray<Row>) =>
  Effect.map(Schema.decodeUnknown(Schema.Array(Schema.Struct({ slug: Slug })))(rows), (all) =>
    all.map(({ slug }) => slug),
  )

const decoded = <A, E>(operation: string, effect: Effect.Effect<A, E>) =>
  Effect.mapError(
    effect,
    (cause) => new StateStoreError({ operation, reason: "a statement about a run cannot be read", cause }),
  )

const read = (operation: string, rows: ReadonlyArray<Row>) => decoded(operation, decodeRows(rows))
