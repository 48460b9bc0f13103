/** backup and restore: everything of a home that may not be lost, in one file. */
import { Effect, Option } from "effect"
import { ArchiveFailed } from "../domain/Errors.ts"
import { Backends } from "../services/Backends.ts"
import { BottleStore } from "../services/BottleStore.ts"
import { HomeArchive, type SavedImage } from "../services/HomeArchive.ts"

/** Options of `backup`. */
export interface BackupOptions {
  /** Also save the artifacts of frozen bottles that an engine has. They can be large. */
  readonly images?: boolean
}

/**
 * Writes the database, manifests, keys and the state of every bottle to a new file, also while bottles run and the home is served.
 * Artifacts that are images on an engine are in it only on request.
 */
export const backup = Effect.fn("backup")(function* (path: string, { images = false }: BackupOptions = {}) {
  return yield* (yield* HomeArchive).pack(path, (directory) =>
    images ? saveImages(directory) : Effect.succeed([]),
  )
})

const saveImages = Effect.fn("backup.images")(function* (directory: string) {
  const backends = yield* Backends
  const rows = yield* (yield* BottleStore).all
  const saved: Array<SavedImage> = []
  for (const { artifact, spec } of rows) {
    const backend = yield* backends.get(spec.backend)
    if (Option.isNone(artifact) || backend.images === undefined) continue
    const file = `${saved.length}.tar`
    yield* backend.images.save(artifact.value, `${directory}/${file}`)
    saved.push({ backend: spec.backend, reference: artifact.value, file })
  }
  return saved
})

/** Restores a back-up into a home that has nothing yet, with the images that are in it. Frozen bottles can then be resumed. */
export const restore = Effect.fn("restore")(function* (path: string) {
  const backends = yield* Backends
  return yield* (yield* HomeArchive).unpack(path, (directory, saved) =>
    Effect.forEach(
      saved,
      Effect.fnUntraced(function* ({ backend: name, file }) {
        const { images } = yield* backends.get(name)
        if (images === undefined)
          return yield* new ArchiveFailed({ operation: "restore", reason: `${name} loads no images` })
        yield* images.load(`${directory}/${file}`)
      }),
      { discard: true },
    ),
  )
})
