/** Verifies the file of an operation log chunk by chunk, in constant memory. */
import { Effect } from "effect"
import { type FileHandle, open } from "node:fs/promises"
import type { LogVerdict } from "../../services/OperationLogs.ts"
import { type FileFailure, file } from "../../files/files.ts"
import { chainVerifier } from "./OperationChain.ts"

const PIECE = 256 * 1024
/** No line of a log is this long. The rest of a longer one is skipped. */
const LINE_MAX = 1024 * 1024
const NEWLINE = 10

/** Verifies a log file. Empty lines are skipped. */
export const verifyFile = (path: string): Effect.Effect<LogVerdict, FileFailure> =>
  Effect.scoped(
    Effect.flatMap(
      Effect.acquireRelease(
        file(() => open(path, "r")),
        (handle) => Effect.ignore(file(() => handle.close())),
      ),
      verifyHandle,
    ),
  )

const verifyHandle = Effect.fnUntraced(function* (handle: FileHandle) {
  const verifier = chainVerifier()
  const piece = Buffer.allocUnsafe(PIECE)
  let rest: Array<Buffer> = []
  let size = 0
  const keep = (part: Buffer) => {
    size += part.length
    if (size <= LINE_MAX) rest.push(Buffer.from(part))
  }
  const endLine = () => {
    if (size > 0) verifier.add(Buffer.concat(rest).toString("utf8"))
    rest = []
    size = 0
  }
  while (true) {
    const { bytesRead } = yield* file(() => handle.read(piece, 0, PIECE))
    if (bytesRead === 0) break
    let from = 0
    for (
      let end = piece.indexOf(NEWLINE);
      end !== -1 && end < bytesRead;
      end = piece.indexOf(NEWLINE, from)
    ) {
      keep(piece.subarray(from, end))
      endLine()
      from = end + 1
    }
    keep(piece.subarray(from, bytesRead))
  }
  endLine()
  return verifier.verdict()
})
