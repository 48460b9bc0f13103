/** What a repository contains that a clone in a bottle does not have: files in git-lfs, and submodules. */
import { Schema } from "effect"

/** What is not in the clone. */
export const MissingContent = Schema.Literal("git-lfs", "submodules")
/** What is not in the clone. */
export type MissingContent = typeof MissingContent.Type

/** The files that say so, at the top of a repository. */
export const CONTENT_FILES = { attributes: ".gitattributes", modules: ".gitmodules" } as const

/** What a repository with these files keeps elsewhere. A file that is not there is empty. */
export const missingContents = ({
  attributes,
  modules,
}: Readonly<Record<keyof typeof CONTENT_FILES, string>>): ReadonlyArray<MissingContent> => [
  ...(attributes.split("\n").some(isLfs) ? (["git-lfs"] as const) : []),
  ...(/^\s*\[submodule\b/m.test(modules) ? (["submodules"] as const) : []),
]

/** A line of `.gitattributes`: a pattern, and attributes. */
const isLfs = (line: string): boolean =>
  !line.trimStart().startsWith("#") && line.trim().split(/\s+/).slice(1).includes("filter=lfs")

/** What that means for whoever works in the clone. */
export const missingText = (missing: ReadonlyArray<MissingContent>): string =>
  missing.map((it) => TEXTS[it]).join(" ")

const TEXTS: Readonly<Record<MissingContent, string>> = {
  "git-lfs":
    "It uses git-lfs: files in git-lfs are pointers here, their contents cannot be fetched, and new ones cannot be pushed. Leave them as they are.",
  submodules:
    "It has submodules: their folders are empty here, and they cannot be fetched. Leave them as they are.",
}
