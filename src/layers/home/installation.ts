/** The ID of this installation: engine objects that carry it are ours. */
import { Effect } from "effect"
import { randomUUID } from "node:crypto"
import { dirname } from "node:path"
import { StateStoreError } from "../../domain/Errors.ts"
import { type FileFailure, createFile, ensureDirectory, textOf } from "../../files/files.ts"
import type { HomeShape } from "./Home.ts"

/** The ID of a home: a random UUID made at first use. Processes that create it at the same time all get the same one. */
export const installationId = Effect.fn("installationId")(function* ({ installation: path }: HomeShape) {
  const failed = Effect.mapError(({ cause }: FileFailure) => failure(path, String(cause)))
  const known = yield* failed(textOf(path))
  // The first of several processes wins.
  if (known === "")
    yield* failed(Effect.zipRight(ensureDirectory(dirname(path)), createFile(path, `${randomUUID()}\n`)))
  const id = (known === "" ? yield* failed(textOf(path)) : known).trim()
  return /^[0-9a-f-]{36}$/.test(id) ? id : yield* failure(path, "it should hold one UUID")
})

const failure = (file: string, reason: string) =>
  new StateStoreError({ operation: "installation", reason: `${file}: ${reason}` })
