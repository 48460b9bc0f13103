/** Files of a bottle of the host backend, in addition to those of its supervisor. */
import { rmSync } from "node:fs"
import { join } from "node:path"
import type { Slug } from "../../domain/Slug.ts"
import type { HomeShape } from "../home/Home.ts"
import { controlOf, failure, onFiles } from "../supervisor/control.ts"

/** Paths of a bottle: `box` is what a freeze keeps, `control` what one run leaves. */
export const boxPaths = (home: HomeShape, slug: Slug) => {
  const control = controlOf("host", home, slug)
  return {
    ...control,
    box: join(control.root, "box"),
    workspace: join(control.root, "box", "workspace"),
    agentHome: join(control.root, "box", "home"),
    artifact: (run: number) => join(control.root, `frozen-${run}`),
  }
}
/** Paths of a bottle. */
export type BoxPaths = ReturnType<typeof boxPaths>

/** A file action whose failure is reported as a failed operation of the backend. */
export const onDisk = <A>(operation: string, slug: string, action: () => A) =>
  onFiles({ backend: "host", slug }, operation, action)

/** The error of an operation. */
export const failed = (operation: string, slug: string, reason: string, cause?: unknown) =>
  failure({ backend: "host", slug }, operation, reason, cause)

/** Removes the box and the files of the run. Artifacts stay. */
export const removeBox = (paths: BoxPaths) =>
  onDisk("remove", paths.slug, () => {
    for (const path of [paths.box, paths.control]) rmSync(path, { recursive: true, force: true })
  })
