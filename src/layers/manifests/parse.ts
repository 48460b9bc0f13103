/** Parses the bytes of a manifest file. */
import { Effect } from "effect"
import { decodeAgent, decodeBottle } from "../../domain/ManifestFile.ts"
import { splitFrontMatter } from "./frontMatter.ts"
import { decodeText, parseYaml } from "./yaml.ts"

/** The two kinds of manifest: folder name and file extension. */
export const ENDINGS = { agents: ".md", bottles: ".yaml" } as const
/** A kind of manifest, named like its folder. */
export type ManifestKind = keyof typeof ENDINGS

/** The agent of `agents/<name>.md`. */
export const parseAgent = Effect.fn("FileManifests.parseAgent")(function* (
  file: string,
  name: string,
  bytes: Uint8Array,
) {
  const { body, front } = yield* splitFrontMatter(file, yield* decodeText(file, bytes))
  return yield* decodeAgent({ file, name, body, front: yield* parseYaml(file, front, 2) })
})

/** The bottle of `bottles/<name>.yaml`. */
export const parseBottle = Effect.fn("FileManifests.parseBottle")(function* (
  file: string,
  bytes: Uint8Array,
) {
  return yield* decodeBottle(file, yield* parseYaml(file, yield* decodeText(file, bytes)))
})
