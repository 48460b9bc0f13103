/** The workspace of a first run without files: an empty folder, owned by the agent in numbers. */
import { NodeStream } from "@effect/platform-node"
import type { Stream } from "effect"
import { PassThrough } from "node:stream"
import { pack } from "tar-stream"

/** A tar with one folder, to be unpacked at `/`. */
export const emptyWorkspace = (
  workdir: string,
  uid: number,
  gid: number,
): Stream.Stream<Uint8Array, unknown> => {
  const tar = pack()
  tar.entry({ name: `${workdir.replace(/^\/+/, "")}/`, type: "directory", mode: 0o755, uid, gid })
  tar.finalize()
  return NodeStream.fromReadable<unknown, Uint8Array>(
    () => tar,
    (cause) => cause,
  )
}
