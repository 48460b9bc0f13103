/** attest: makes and signs the statement about a run that has ended. */
import { Clock, DateTime, Effect, Option } from "effect"
import type { BottleMetadata } from "../domain/Bottle.ts"
import { type RunPredicate, decodeStatement, encodeStatement, statementOf } from "../domain/Provenance.ts"
import type { Slug } from "../domain/Slug.ts"
import { VERSION } from "../domain/Version.ts"
import { BottleStore } from "../services/BottleStore.ts"
import { ForgeStateStore } from "../services/ForgeStateStore.ts"
import { OperationLogs } from "../services/OperationLogs.ts"
import { ProvenanceStore } from "../services/ProvenanceStore.ts"
import { Signatures } from "../services/Signatures.ts"
import { hasEnded } from "./bottleState.ts"
import { useOf } from "./listBottles.ts"

/**
 * Stores a statement about the newest run of a bottle, unless it has one, and signs what is not signed. Called when the run is known to
 * have ended, and before the log of its bottle is removed. Never fails: a statement that cannot be signed now is signed by the next call
 * for any bottle, and one that cannot be made is made at the bottle's next freeze, resume, destroy or `gc`.
 */
export const attest = Effect.fn("attest")(function* (slug: Slug) {
  yield* state(slug).pipe(
    Effect.zipRight(signStatements),
    Effect.catchAll(({ message }) => incomplete(slug, message)),
    // An end must not fail because of what is said about it.
    Effect.catchAllDefect((defect) => incomplete(slug, String(defect))),
  )
})

const incomplete = (slug: Slug, reason: string) =>
  Effect.logWarning(`the provenance of bottle "${slug}" is not complete yet: ${reason}`)

const state = Effect.fn("attest.state")(function* (slug: Slug) {
  const row = yield* (yield* BottleStore).get(slug)
  if (Option.isNone(row) || Option.isNone(row.value.startedAt)) return
  const store = yield* ProvenanceStore
  const before = yield* store.of(slug)
  if (before.some(({ run }) => run >= row.value.run)) return
  const predicate = yield* predicateOf(row.value, before[before.length - 1]?.payload)
  const payload = yield* Effect.orDie(encodeStatement(statementOf(predicate)))
  const at = yield* Clock.currentTimeMillis
  yield* store.add({ slug, run: row.value.run, at, payload }, predicate.issues)
})

const predicateOf = Effect.fn("attest.predicate")(function* (
  { slug, run, spec, exit, done, trouble, ...row }: BottleMetadata,
  before: string | undefined,
) {
  const previous = Option.map(decodeStatement(before ?? ""), ({ predicate }) => predicate)
  const countFrom = Option.match(previous, { onNone: () => 0, onSome: ({ log }) => log.bytes })
  const { whole, counts } = yield* (yield* OperationLogs).audit(slug, { countFrom })
  const issues = (yield* (yield* ForgeStateStore).all).filter((issue) => issue.slug === slug)
  const use = yield* useOf({ slug, run, use: row.use, exit })
  const predicate: RunPredicate = {
    slug,
    run,
    previousRun: Option.getOrNull(Option.map(previous, (it) => it.run)),
    agent: spec.agent,
    bottles: spec.bottles,
    backend: spec.backend,
    engine: Option.getOrNull(row.engine),
    imageDigest: Option.getOrNull(row.imageDigest),
    launched: Option.getOrNull(row.launched),
    issues: issues.map(({ forge, owner, repo, issueNumber }) => ({
      forge,
      owner,
      repo,
      number: issueNumber,
    })),
    startedAt: Option.getOrNull(row.startedAt),
    statedAt: DateTime.formatIso(yield* DateTime.now),
    exit: Option.getOrNull(exit),
    done: Option.getOrNull(Option.map(done, ({ status, at }) => ({ status, at }))),
    trouble,
    use: Option.getOrNull(use),
    log: whole,
    counts,
    version: VERSION,
  }
  return predicate
})

/** Signs every statement that is not signed. */
export const signStatements = Effect.gen(function* () {
  const store = yield* ProvenanceStore
  const signatures = yield* Signatures
  yield* Effect.forEach(
    yield* store.unsigned,
    ({ slug, run, payload }) =>
      Effect.flatMap(signatures.sign(payload), (envelope) => store.sign(slug, run, envelope)),
    { discard: true },
  )
}).pipe(Effect.withSpan("signStatements"))

/** Makes the statements that a killed process did not make, for every bottle whose newest run has ended, and signs them. */
export const attestAll = Effect.gen(function* () {
  const rows = yield* (yield* BottleStore).all
  yield* Effect.forEach(
    rows.filter(hasEnded),
    ({ slug }) => Effect.catchAll(state(slug), ({ message }) => incomplete(slug, message)),
    { discard: true },
  )
  yield* Effect.catchAll(signStatements, (error) => Effect.logWarning(error.message))
}).pipe(Effect.withSpan("attestAll"))
