/** The folder of a push while it is inspected: nothing else reads it, and it is gone before the agent gets its response. */
import * as NodeSink from "@effect/platform-node/NodeSink"
import * as NodeStream from "@effect/platform-node/NodeStream"
import { Effect, Stream } from "effect"
import type { Scope } from "effect"
import { randomUUID } from "node:crypto"
import { createWriteStream } from "node:fs"
import { rm } from "node:fs/promises"
import type { IncomingMessage } from "node:http"
import { join } from "node:path"
import { createGunzip } from "node:zlib"
import { file, ensureDirectory } from "../../files/files.ts"
import { bodyOf, limited } from "./httpBackend.ts"
import { GitFailure } from "./GitFailure.ts"
import type { GitContext } from "./Repository.ts"

/** Beside the repositories, whose folders end with `.git`. */
const incoming = (directory: string): string => join(directory, "incoming")

const notKept = () => new GitFailure({ reason: "the push could not be kept", remote: [] })

/** A git process of a killed sidecar may still be writing when its folder is removed. */
const remove = (folder: string) => file(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))

/** Removes what killed sidecars left of pushes. */
export const clearPushes = ({ directory }: Pick<GitContext, "directory">): Effect.Effect<void> =>
  Effect.catchAll(remove(incoming(directory)), (error) =>
    Effect.logWarning("leftovers of earlier pushes could not be removed", error),
  )

/** Makes a folder for one push, which is removed with the scope. */
export const openPush = ({
  directory,
}: Pick<GitContext, "directory">): Effect.Effect<string, GitFailure, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.suspend(() => {
      const folder = join(incoming(directory), randomUUID())
      return Effect.as(ensureDirectory(folder), folder)
    }).pipe(Effect.mapError(notKept)),
    (folder) => Effect.ignore(remove(folder)),
  )

/** The file with the body of a push. */
export const bodyFile = (folder: string): string => join(folder, "body")

/** Writes the body of a push to disk, and returns its size. */
export const spool = Effect.fnUntraced(function* (
  { progressMs, bodyMax }: Pick<GitContext, "progressMs"> & { readonly bodyMax: number },
  request: IncomingMessage,
  folder: string,
) {
  const sent = bodyOf(request, progressMs, bodyMax)
  const size = { bytes: 0 }
  const plain =
    request.headers["content-encoding"] === "gzip"
      ? limited(
          NodeStream.pipeThroughDuplex(
            sent,
            () => createGunzip(),
            () => new GitFailure({ reason: "its compression is broken", remote: [] }),
          ),
          bodyMax,
        )
      : sent
  yield* Stream.run(
    Stream.tap(plain, (bytes) => Effect.sync(() => (size.bytes += bytes.length))),
    NodeSink.fromWritable(() => createWriteStream(bodyFile(folder), { mode: 0o600 }), notKept),
  )
  return size.bytes
})
