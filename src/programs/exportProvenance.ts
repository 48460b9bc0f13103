/** exportProvenance: the statements and the operation log of a bottle as one file that can be verified elsewhere. */
import { DateTime, Effect, Schema, Stream } from "effect"
import { SigningFailed } from "../domain/Errors.ts"
import { EXPORT_FORMAT, ExportHeader } from "../domain/Provenance.ts"
import { OperationLogs } from "../services/OperationLogs.ts"
import { Signatures } from "../services/Signatures.ts"
import { provenanceOf } from "./verifyProvenance.ts"

/** The bytes of the file: a line of JSON with the signed statements, then the operation log as it is. */
export const exportProvenance = Effect.fn("exportProvenance")(function* (name: string) {
  const { slug, statements } = yield* provenanceOf(name)
  const unsigned = statements.find(({ envelope }) => envelope === null)
  if (unsigned !== undefined)
    return yield* new SigningFailed({ reason: `run ${unsigned.run} of "${slug}" has no signature yet` })
  const keys = yield* (yield* Signatures).known
  const header = yield* Effect.orDie(
    encodeHeader({
      format: EXPORT_FORMAT,
      slug,
      exportedAt: DateTime.formatIso(yield* DateTime.now),
      statements: statements.flatMap(({ envelope }) => (envelope === null ? [] : [envelope])),
      publicKeys: keys.map(({ pem }) => pem),
    }),
  )
  return Stream.concat(
    Stream.make(new TextEncoder().encode(`${header}\n`)),
    (yield* OperationLogs).bytes(slug),
  )
})

const encodeHeader = Schema.encode(ExportHeader)
