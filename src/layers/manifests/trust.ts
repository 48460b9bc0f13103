/** Which projects the operator trusts: `trusted.json` in the home, from real path to digest. */
import { Effect, Option, Schema } from "effect"
import { randomUUID } from "node:crypto"
import { mkdir, open, rename, rm } from "node:fs/promises"
import { join } from "node:path"
import type { ProjectReport } from "../../services/Manifests.ts"
import type { Project } from "./project.ts"
import { fileInvalid, ioFailed, readBounded } from "./readBounded.ts"
import { decodeText } from "./yaml.ts"

const Trusted = Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.String }))

const trustedFile = (home: string) => join(home, "trusted.json")

/** Digests by real path. A damaged file is an error, and left as it is. */
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

/** Whether a project is as it was trusted. */
export const stateOf = (
  project: Project,
  trusted: Readonly<Record<string, string>>,
): ProjectReport["state"] => {
  if (project.manifests.length === 0 && project.problems.length === 0) return "absent"
  const digest = trusted[project.directory]
  if (digest === undefined) return "untrusted"
  return digest === project.digest ? "trusted" : "changed"
}

/** Keeps that a directory is trusted with this digest; readers see the old file or the new one. */
export const writeTrusted = Effect.fn("FileManifests.writeTrusted")(function* (
  home: string,
  directory: string,
  digest: string,
) {
  const file = trustedFile(home)
  const text = JSON.stringify({ ...(yield* readTrusted(home)), [directory]: digest }, undefined, 2)
  const temporary = `${file}.${randomUUID()}`
  yield* Effect.tryPromise({
    try: () => mkdir(home, { recursive: true, mode: 0o700 }),
    catch: ioFailed(home, "expected a writable folder"),
  })
  yield* writeNew(temporary, text, 0o600)
  yield* Effect.tryPromise({
    try: () => rename(temporary, file),
    catch: ioFailed(file, "expected a writable file"),
  }).pipe(Effect.tapError(() => Effect.ignore(Effect.tryPromise(() => rm(temporary, { force: true })))))
})

/** Writes a file that is not there yet, and waits until it is on disk. */
export const writeNew = (file: string, text: string, mode: number) =>
  Effect.scoped(
    Effect.gen(function* () {
      const handle = yield* Effect.acquireRelease(
        Effect.tryPromise({
          try: () => open(file, "wx", mode),
          catch: ioFailed(file, "expected a writable folder"),
        }),
        (handle) => Effect.ignore(Effect.tryPromise(() => handle.close())),
      )
      yield* Effect.tryPromise({
        try: () => handle.writeFile(text).then(() => handle.sync()),
        catch: ioFailed(file, "expected a writable file"),
      })
    }),
  )
