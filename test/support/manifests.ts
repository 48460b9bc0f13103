/** Homes and projects on disk for tests of manifests. */
import { Effect, Layer } from "effect"
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { Home, homeAt } from "../../src/layers/home/Home.ts"
import * as FileManifests from "../../src/layers/manifests/FileManifests.ts"

/** Files by relative path, with their content. */
export type Tree = Readonly<Record<string, string | Uint8Array>>

/** Writes a tree below `root`. */
export const writeTree = (root: string, tree: Tree): void => {
  for (const [path, content] of Object.entries(tree)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content)
  }
}

/** A new folder with a `home` and a `project`, removed with its scope. */
export const tempHome = (home: Tree = {}, project: Tree = {}) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const root = realpathSync(mkdtempSync(join(tmpdir(), "manifests-")))
      writeTree(join(root, "home"), home)
      mkdirSync(join(root, "project"))
      writeTree(join(root, "project", ".bot-bottle"), project)
      return { root, home: join(root, "home"), project: join(root, "project") }
    }),
    ({ root }) => Effect.sync(() => rmSync(root, { recursive: true, force: true })),
  )

/** The layer over a home in that folder. */
export const fileManifests = (home: string) =>
  FileManifests.layer.pipe(Layer.provide(Layer.succeed(Home, homeAt(home))))
