/** An operator's tools for a bottle: a shell in it, and files out of it. */
import { Effect, Option, Stream } from "effect"
import { randomUUID } from "node:crypto"
import { posix } from "node:path"
import type { Slug } from "../../domain/Slug.ts"
import type { BackendError, CopySource, CopyTarget } from "../../services/Backends.ts"
import { NECK_MOUNT } from "../bottle/runFiles.ts"
import { tar } from "../tar/tar.ts"
import type { Docker } from "./agent.ts"
import { bytesOf } from "./bytes.ts"
import { findContainer, stillContainer, toBottle } from "./containers.ts"
import { inspectImage } from "./image.ts"

/** The agent's environment, then the best available shell. */
const SHELL = `[ -r ${NECK_MOUNT}/env ] && . ${NECK_MOUNT}/env
command -v bash >/dev/null 2>&1 && exec bash
exec sh`

/**
 * A shell beside the agent, with the same isolation: the engine gives a process that is added to a container the container's system
 * call filter, capabilities and no-new-privileges.
 */
export const shellIn = Effect.fn("Backend.shell")(function* ({ engine, naming }: Docker, slug: Slug) {
  const purpose = { operation: "shell", target: slug }
  const found = yield* findContainer(engine, naming, purpose, slug)
  if (Option.isNone(found)) return yield* engine.failure(purpose, "there is no such bottle")
  if (toBottle(slug, found.value).state !== "running") {
    return yield* engine.failure(purpose, "its agent does not run, and a shell lives only as long as it does")
  }
  const terminal = process.stdin.isTTY && process.stdout.isTTY
  const { exitCode } = yield* engine.interactive(purpose, [
    "exec",
    "--interactive",
    ...(terminal ? ["--tty", "--env", `TERM=${process.env["TERM"] ?? "xterm"}`] : []),
    "--user",
    found.value.Config.User,
    naming.container(slug),
    "/bin/sh",
    "-c",
    SHELL,
  ])
  return exitCode
})

/** A tar of a path in the bottle's container; for a frozen bottle, in a container of its artifact that never runs. */
export const copyOut = (
  { engine, naming }: Docker,
  slug: Slug,
  source: CopySource,
): Stream.Stream<Uint8Array, BackendError> => {
  const purpose = { operation: "copy", target: slug }
  const read = (container: string, workdir: string) =>
    bytesOf(engine, purpose, ["cp", `${container}:${posix.resolve("/", workdir, source.path)}`, "-"])
  return Stream.unwrapScoped(
    Effect.gen(function* () {
      const found = yield* findContainer(engine, naming, purpose, slug)
      if (Option.isSome(found)) return read(naming.container(slug), found.value.Config.WorkingDir)
      if (Option.isNone(source.artifact)) return yield* engine.failure(purpose, "there is no such bottle")
      const image = yield* inspectImage(engine, source.artifact.value)
      if (Option.isNone(image)) {
        return yield* engine.failure(
          purpose,
          `its artifact ${source.artifact.value} is gone from this engine`,
        )
      }
      const use = `copy-${randomUUID().slice(0, 8)}`
      const name = yield* stillContainer(engine, naming, purpose, slug, use, image.value.Id)
      return read(name, image.value.Config.WorkingDir)
    }),
  )
}

/** What an engine says when the path is no folder. */
const NO_FOLDER = /not a directory|must be a directory|no such|could not (?:be found|find)|does not exist/i

/**
 * Puts a file into the container of an exited bottle. As a tar, it gets the agent's owner; the engine follows links within the
 * container alone.
 */
export const copyIn = Effect.fn("Backend.copyIn")(function* (
  { engine, naming }: Docker,
  slug: Slug,
  { file, path }: CopyTarget,
) {
  const purpose = { operation: "copy", target: slug }
  const found = yield* findContainer(engine, naming, purpose, slug)
  if (Option.isNone(found)) return yield* engine.failure(purpose, "there is no such bottle")
  const { User, WorkingDir } = found.value.Config
  const [uid = 0, gid = 0] = User.split(":").map(Number)
  const put = (folder: string, name: string) =>
    engine.run(purpose, ["cp", "-", `${naming.container(slug)}:${folder}`], {
      stdin: tar(({ file: add }) => add(file, ({ mode }) => ({ name, mode: mode & 0o777, uid, gid }))),
    })
  const to = posix.resolve("/", WorkingDir, path)
  const asFolder = yield* put(to, posix.basename(file))
  if (asFolder.exitCode === 0) return
  if (!NO_FOLDER.test(asFolder.stderr)) return yield* engine.refusal(purpose, asFolder.stderr)
  const asFile = yield* put(posix.dirname(to), posix.basename(to))
  if (asFile.exitCode !== 0) return yield* engine.refusal(purpose, asFile.stderr)
})
