/** Where this package's own files lie: in a checkout, installed, and bundled alike. */
import { createRequire } from "node:module"
import { dirname, join } from "node:path"

const root = dirname(createRequire(import.meta.url).resolve("bot-bottle/package.json"))

/** Path of a file of this package, such as `bottle/enter`. */
export const packageFile = (...path: ReadonlyArray<string>): string => join(root, ...path)
