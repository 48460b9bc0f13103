/** Copies files out of a bottle of the host backend: the agent's /workspace is a directory of its box. */
import { Effect, Option, Stream } from "effect"
import { existsSync } from "node:fs"
import { realpath } from "node:fs/promises"
import { basename, dirname, join, posix } from "node:path"
import type { Slug } from "../../domain/Slug.ts"
import type { BackendError, CopySource } from "../../services/Backends.ts"
import { ProcessRunner } from "../../services/ProcessRunner.ts"
import { wholeOutput } from "../process/wholeOutput.ts"
import type { HomeShape } from "../home/Home.ts"
import { boxPaths, failed } from "./box.ts"

/** A tar of a path below `/workspace`, from the box or else from the artifact. */
export const copyOut = (
  home: HomeShape,
  slug: Slug,
  source: CopySource,
): Stream.Stream<Uint8Array, BackendError, ProcessRunner> =>
  Stream.unwrapScoped(
    Effect.gen(function* () {
      const runner = yield* ProcessRunner
      const { box } = boxPaths(home, slug)
      const root = existsSync(box) ? box : Option.getOrElse(source.artifact, () => box)
      const path = posix.resolve("/workspace", source.path)
      if (path !== "/workspace" && !path.startsWith("/workspace/")) {
        return yield* failed("copy", slug, `${source.path} is not in the bottle's /workspace`)
      }
      const file = join(root, path)
      if (!(yield* isReachedWithin(join(root, "workspace"), file))) {
        return yield* failed("copy", slug, `${source.path} lies behind a link that leads out of /workspace`)
      }
      const child = yield* runner
        .stream({ command: "tar", args: ["-c", "-f", "-", `./${basename(file)}`], cwd: dirname(file) })
        .pipe(Effect.mapError((error) => failed("copy", slug, error.message, error)))
      return wholeOutput(child, (stderr) => failed("copy", slug, stderr.trim().split("\n")[0] ?? ""))
    }),
  )

/** If the agent replaced a folder by a link, the operator's own files would be copied as the bottle's. */
const isReachedWithin = (workspace: string, file: string): Effect.Effect<boolean> =>
  Effect.tryPromise(() => Promise.all([realpath(workspace), realpath(dirname(file))])).pipe(
    Effect.map(([root, folder]) => file === workspace || folder === root || folder.startsWith(`${root}/`)),
    // tar reports a path that does not exist.
    Effect.orElseSucceed(() => true),
  )
