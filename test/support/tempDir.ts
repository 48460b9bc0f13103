/** A directory of a test's own, gone when its scope closes. */
import { Effect } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** Path of a new, empty directory. */
export const tempDir = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "bot-bottle-test-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
)
