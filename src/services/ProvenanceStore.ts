/** ProvenanceStore keeps the statements about runs. They survive the bottles. */
import type { Effect } from "effect"
import { Context } from "effect"
import type { StateStoreError } from "../domain/Errors.ts"
import type { Envelope, RunIssue, StoredStatement } from "../domain/Provenance.ts"
import type { Slug } from "../domain/Slug.ts"

/** ProvenanceStore keeps the statements about runs, by slug and run. Layers of `BottleStore` provide it too. */
export class ProvenanceStore extends Context.Tag("bot-bottle/ProvenanceStore")<
  ProvenanceStore,
  {
    /** Stores a statement unless the run has one: the first one stays. Durable when it returns. */
    readonly add: (
      statement: Pick<StoredStatement, "slug" | "run" | "at" | "payload">,
      issues: ReadonlyArray<RunIssue>,
    ) => Effect.Effect<void, StateStoreError>
    /** Stores the signature of a statement that has none. */
    readonly sign: (slug: Slug, run: number, envelope: Envelope) => Effect.Effect<void, StateStoreError>
    /** The statements of a bottle, by run. */
    readonly of: (slug: Slug) => Effect.Effect<ReadonlyArray<StoredStatement>, StateStoreError>
    /** The statements about runs for an issue, oldest first; names compare without case. `forge` may be left out. */
    readonly ofIssue: (
      issue: Omit<RunIssue, "forge"> & { readonly forge?: string },
    ) => Effect.Effect<ReadonlyArray<StoredStatement>, StateStoreError>
    /** Statements that are not signed yet. */
    readonly unsigned: Effect.Effect<ReadonlyArray<StoredStatement>, StateStoreError>
    /** Slugs whose newest statement was made before `before` (milliseconds since the epoch). */
    readonly olderThan: (before: number) => Effect.Effect<ReadonlyArray<Slug>, StateStoreError>
    /** Removes the statements of a bottle. */
    readonly forget: (slug: Slug) => Effect.Effect<void, StateStoreError>
  }
>() {}
