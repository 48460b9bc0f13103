/** Which projects the operator trusts: `trusted.json` in the home maps a real path to a digest. */
import { Effect, Option, Schema } from "effect"
import { join } from "node:path"
import { ensureDirectory, replaceFile } from "../../files/files.ts"
import type { ProjectReport } from "../../services/Manifests.ts"
import type { Project } from "./project.ts"
import { fileInvalid, ioFailed, readBounded } from "./readBounded.ts"
import { decodeText } from "./yaml.ts"

const Trusted = Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.String }))

const trustedFile = (home: string) => join(home, "trusted.json")

/** Digests by real path. A damaged file is an error and stays unchanged. */
export const readTrusted = Effect.fn("FileManifests.readTrusted")(function* (home: string) {
  const file = trustedFile(home)
  const bytes = yield* readBounded(file)
  if (Option.isNone(bytes)) return {}
  return yield* Schema.decode(Trusted)(yield* decodeText(file, bytes.value)).pipe(
    Effect.mapError(() =>
      fileInvalid(
        file,
        'expected JSON, a digest for each path: remove the file and run "bot-bottle trust" again',
      ),
    ),
  )
})

/** Whether a project is unchanged since it was trusted. */
export const stateOf = (
  project: Project,
  trusted: Readonly<Record<string, string>>,
): ProjectReport["state"] => {
  if (project.manifests.length === 0 && project.problems.length === 0) return "absent"
  const digest = trusted[project.directory]
  if (digest === undefined) return "untrusted"
  return digest === project.digest ? "trusted" : "changed"
}

/** Records that a directory is trusted with this digest. Readers see the old file or the new one. */
export const writeTrusted = Effect.fn("FileManifests.writeTrusted")(function* (
  home: string,
  directory: string,
  digest: string,
) {
  const file = trustedFile(home)
  const text = JSON.stringify({ ...(yield* readTrusted(home)), [directory]: digest }, undefined, 2)
  yield* Effect.mapError(ensureDirectory(home), ioFailed(home, "expected a writable folder"))
  yield* Effect.mapError(replaceFile(file, text), ioFailed(file, "expected a writable file"))
})
