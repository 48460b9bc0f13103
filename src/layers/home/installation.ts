/** The ID of this installation: engine objects that carry it are ours. */
import { Effect } from "effect"
import { randomUUID } from "node:crypto"
import { dirname } from "node:path"
import { StateStoreError } from "../../domain/Errors.ts"
import { type FileFailure, appendToFile, ensureDirectory, textOf } from "../../files/files.ts"
import type { HomeShape } from "./Home.ts"

/**
 * The ID of a home: a random UUID made at first use. Each process that finds none appends one, and the first line counts:
 * so all get the same, and a process that is killed leaves no temporary file.
 */
export const installationId = Effect.fn("installationId")(function* ({ installation: path }: HomeShape) {
  const failed = Effect.mapError(({ cause }: FileFailure) => failure(path, String(cause)))
  const firstLine = Effect.map(failed(textOf(path)), (text) => text.split("\n", 1)[0]?.trim() ?? "")
  const known = yield* firstLine
  if (known === "")
    yield* failed(Effect.zipRight(ensureDirectory(dirname(path)), appendToFile(path, `${randomUUID()}\n`)))
  const id = known === "" ? yield* firstLine : known
  return /^[0-9a-f-]{36}$/.test(id) ? id : yield* failure(path, "its first line should be a UUID")
})

const failure = (file: string, reason: string) =>
  new StateStoreError({ operation: "installation", reason: `${file}: ${reason}` })
