/** ProvenanceStore in memory: for tests, and for programs that need no persistence. */
import { Effect, Layer } from "effect"
import type { RunIssue, StoredStatement } from "../../domain/Provenance.ts"
import { ProvenanceStore } from "../../services/ProvenanceStore.ts"

interface Row {
  readonly statement: StoredStatement
  readonly issues: ReadonlyArray<RunIssue>
}

/** An empty store, private to this layer. */
export const layer: Layer.Layer<ProvenanceStore> = Layer.sync(ProvenanceStore, () => {
  const rows = new Map<string, Row>()
  const select = (test: (row: Row) => boolean) =>
    [...rows.values()]
      .filter(test)
      .map(({ statement }) => statement)
      .sort((a, b) => a.at - b.at || a.run - b.run)
  const ofSlug = (slug: string) =>
    select(({ statement }) => statement.slug === slug).sort((a, b) => a.run - b.run)
  return ProvenanceStore.of({
    add: (statement, issues) =>
      Effect.sync(() => {
        const key = `${statement.slug} ${statement.run}`
        if (!rows.has(key)) rows.set(key, { statement: { ...statement, envelope: null }, issues })
      }),
    sign: (slug, run, envelope) =>
      Effect.sync(() => {
        const row = rows.get(`${slug} ${run}`)
        if (row !== undefined && row.statement.envelope === null)
          rows.set(`${slug} ${run}`, { ...row, statement: { ...row.statement, envelope } })
      }),
    of: (slug) => Effect.sync(() => ofSlug(slug)),
    ofIssue: (asked) =>
      Effect.sync(() => select(({ issues }) => issues.some((issue) => isSame(issue, asked)))),
    unsigned: Effect.sync(() => select(({ statement }) => statement.envelope === null)),
    olderThan: (before) =>
      Effect.sync(() =>
        [...new Set([...rows.values()].map(({ statement }) => statement.slug))].filter((slug) =>
          ofSlug(slug).every(({ at }) => at < before),
        ),
      ),
    forget: (slug) =>
      Effect.sync(() => {
        for (const { run } of ofSlug(slug)) rows.delete(`${slug} ${run}`)
      }),
  })
})

const isSame = (issue: RunIssue, asked: Omit<RunIssue, "forge"> & { readonly forge?: string }): boolean =>
  (asked.forge === undefined || asked.forge === issue.forge) &&
  issue.owner.toLowerCase() === asked.owner.toLowerCase() &&
  issue.repo.toLowerCase() === asked.repo.toLowerCase() &&
  issue.number === asked.number
