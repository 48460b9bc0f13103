/** Lists the manifest files of a folder. */
import { Array, Effect, Option, Order, Schema } from "effect"
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { ManifestName } from "../../domain/Manifest.ts"
import type { ManifestKind } from "./parse.ts"
import { ENDINGS } from "./parse.ts"
import { orAbsent } from "./readBounded.ts"

const isManifestName = Schema.is(ManifestName)

/** Path of the manifest `name` below `root`. */
export const manifestPath = (root: string, kind: ManifestKind, name: string): string =>
  join(root, kind, name + ENDINGS[kind])

/** Names of the manifests of a kind below `root`, in order. Files whose name is not a valid manifest name are left out. */
export const manifestNames = Effect.fn("FileManifests.names")(function* (root: string, kind: ManifestKind) {
  const folder = join(root, kind)
  const files = yield* orAbsent(folder, "expected a readable folder")(() => readdir(folder))
  return Array.sort(
    Option.getOrElse(files, (): ReadonlyArray<string> => [])
      .filter((file) => file.endsWith(ENDINGS[kind]))
      .map((file) => file.slice(0, -ENDINGS[kind].length))
      .filter((name) => isManifestName(name)),
    Order.string,
  )
})
