/** verifyProvenance: whether the operation log of a bottle and the signed statements about its runs are complete and unchanged. */
import { Effect, Option, Schema } from "effect"
import { type StatedRun, checkStatements, endsOf } from "../domain/checkStatements.ts"
import { BottleNotFound, InvalidInput } from "../domain/Errors.ts"
import { type Envelope, ExportHeader, type StoredStatement } from "../domain/Provenance.ts"
import type { Slug } from "../domain/Slug.ts"
import { BottleStore } from "../services/BottleStore.ts"
import { type LogAudit, type LogVerdict, OperationLogs } from "../services/OperationLogs.ts"
import { ProvenanceStore } from "../services/ProvenanceStore.ts"
import { type PublicKey, Signatures } from "../services/Signatures.ts"
import { attest } from "./attest.ts"
import { hasEnded } from "./bottleState.ts"
import { parseSlug } from "./parseSlug.ts"

/** Result of a verification. A problem with line 0 is not in one line of the log. */
export interface ProvenanceVerdict extends LogVerdict {
  readonly slug: Slug
  readonly runs: ReadonlyArray<StatedRun>
  /** Lines of the log that no statement vouches for. */
  readonly unsignedLines: number
}

/** A bottle, which may be destroyed, and the statements about its runs. Makes and signs a statement that is missing. */
export const provenanceOf = Effect.fn("provenanceOf")(function* (name: string) {
  const slug = yield* parseSlug(name)
  const row = yield* (yield* BottleStore).get(slug)
  if (Option.exists(row, hasEnded)) yield* attest(slug)
  const statements = yield* (yield* ProvenanceStore).of(slug)
  if (Option.isNone(row) && statements.length === 0) return yield* new BottleNotFound({ slug })
  return { slug, statements, isAtWork: Option.isSome(row) && !hasEnded(row.value) }
})

/**
 * Checks the hash chain of a bottle's operation log, and every statement about its runs with the keys of this installation. It detects
 * removed, changed and reordered lines, a log that was cut off, and statements that are missing, exchanged or signed by another key.
 */
export const verifyProvenance = Effect.fn("verifyProvenance")(function* (name: string) {
  const { slug, statements, isAtWork } = yield* provenanceOf(name)
  const keys = yield* (yield* Signatures).known
  const checked = yield* checkSigned(statements, keys)
  const audit = yield* (yield* OperationLogs).audit(slug, { ends: endsOf(checked) })
  return verdictOf(slug, checked, audit, isAtWork)
})

/**
 * Checks an exported file with nothing but these public keys (PEM). The keys in the file are not used: whoever can change the file can
 * change them.
 */
export const verifyExport = Effect.fn("verifyExport")(function* (path: string, pems: ReadonlyArray<string>) {
  const signatures = yield* Signatures
  const keys = yield* Effect.forEach(pems, signatures.read)
  const read = (text: string) => Option.getOrUndefined(decodeHeader(text))
  const checked = (envelopes: ReadonlyArray<Envelope>) =>
    envelopes.map((envelope) => ({ ...signatures.check(envelope, keys), isSigned: true }))
  const { header, audit } = yield* (yield* OperationLogs).auditExport(path, (text) => ({
    ends: endsOf(checked(read(text)?.statements ?? [])),
  }))
  const found = read(header)
  if (found === undefined)
    return yield* new InvalidInput({ field: "file", reason: `${path} is not an exported provenance file` })
  return verdictOf(found.slug, checked(found.statements), audit, false)
})

const decodeHeader = Schema.decodeUnknownOption(ExportHeader)

const checkSigned = (statements: ReadonlyArray<StoredStatement>, keys: ReadonlyArray<PublicKey>) =>
  Effect.map(Signatures, ({ check }) =>
    statements.map(({ payload, envelope }) =>
      envelope === null
        ? { payload, key: Option.none<string>(), isSigned: false }
        : { ...check(envelope, keys), isSigned: true },
    ),
  )

/** Lines of a run that is at work have no statement yet. Of others, lines without one may be anybody's. */
const verdictOf = (
  slug: Slug,
  statements: Parameters<typeof checkStatements>[1],
  { verdict, whole, parts }: LogAudit,
  isAtWork: boolean,
): ProvenanceVerdict => {
  const byEnd = new Map(endsOf(statements).map((end, index) => [end, parts[index]]))
  const { runs, problems, unsignedLines } = checkStatements(slug, statements, {
    partOf: (bytes) => byEnd.get(bytes),
    lines: whole.lines,
  })
  const all = [
    ...verdict.problems,
    ...problems,
    ...(unsignedLines === 0 || isAtWork
      ? []
      : [{ line: 0, problem: `no statement covers the last ${unsignedLines} lines` }]),
    ...(statements.length === 0 && !isAtWork
      ? [{ line: 0, problem: "it contains no statement about a run" }]
      : []),
  ]
  return { ...verdict, slug, ok: all.length === 0, problems: all, runs, unsignedLines }
}
