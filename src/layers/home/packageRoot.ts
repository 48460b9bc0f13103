/** Finds this package's own files: in a checkout, installed, and bundled. */
import { createRequire } from "node:module"
import { dirname, join } from "node:path"

let root: string | undefined

/** Path of a file of this package, such as `bottle/enter`. */
export const packageFile = (...path: ReadonlyArray<string>): string => {
  // Resolved on first use: node looks in many places, and most commands need none of these files.
  root ??= dirname(createRequire(import.meta.url).resolve("bot-bottle/package.json"))
  return join(root, ...path)
}
