/** OperationLogs over the state directories of a home, and over the logs that it keeps of destroyed bottles. */
import { Effect, Layer, Stream } from "effect"
import { createReadStream } from "node:fs"
import { access, open, rename } from "node:fs/promises"
import { SidecarError } from "../../domain/Errors.ts"
import type { Slug } from "../../domain/Slug.ts"
import { type AuditRequest, OperationLogs } from "../../services/OperationLogs.ts"
import {
  ensureDirectory,
  FileFailure,
  file,
  orElseOn,
  syncDirectory,
  textOf,
  unlinkIfThere,
} from "../../files/files.ts"
import { auditFile, emptyAudit } from "../../sidecar/record/auditFile.ts"
import { Home, type HomeShape } from "../home/Home.ts"
import { fileFailed } from "./fileFailed.ts"

/** Longest first line of an exported file, in bytes. */
const HEADER_MAX = 64 * 1024 * 1024

const make = (home: HomeShape): typeof OperationLogs.Service => {
  /** Where the log of a bottle is. Both exist only when somebody made a file there: then the bottle's own counts. */
  const pathOf = (slug: Slug) =>
    file(() => access(home.of(slug).operations)).pipe(
      Effect.as(home.of(slug).operations),
      Effect.orElseSucceed(() => home.keptLog(slug)),
    )
  const audit = Effect.fn("OperationLogs.audit")((slug: Slug, request: AuditRequest = {}) =>
    Effect.flatMap(pathOf(slug), (path) => auditFile(path, request)).pipe(
      orElseOn("ENOENT", emptyAudit(request.ends)),
      fileFailed(slug, "reading its operation log"),
    ),
  )
  return {
    audit,
    verifyLog: Effect.fn("OperationLogs.verifyLog")((slug: Slug) =>
      Effect.map(audit(slug), ({ verdict }) => verdict),
    ),
    log: Effect.fn("OperationLogs.log")((slug: Slug) =>
      Effect.flatMap(pathOf(slug), textOf).pipe(
        Effect.map((text) => text.split("\n").filter((line) => line !== "")),
        fileFailed(slug, "reading its operation log"),
      ),
    ),
    bytes: (slug, from = 0) =>
      Stream.unwrap(
        Effect.map(pathOf(slug), (path) =>
          Stream.catchAll(
            Stream.fromAsyncIterable(createReadStream(path, { start: from }), failureOf),
            (failure): Stream.Stream<Uint8Array, SidecarError> =>
              failure.code === "ENOENT"
                ? Stream.empty
                : Stream.fromEffect(fileFailed(slug, "reading its operation log")(Effect.fail(failure))),
          ),
        ),
      ),
    keep: Effect.fn("OperationLogs.keep")(
      function* (slug: Slug) {
        yield* ensureDirectory(home.keptLogs)
        yield* file(() => rename(home.of(slug).operations, home.keptLog(slug))).pipe(
          orElseOn("ENOENT", undefined),
        )
        yield* syncDirectory(home.keptLogs)
      },
      (effect, slug) => fileFailed(slug, "keeping its operation log")(effect),
    ),
    forget: (slug) =>
      unlinkIfThere(home.keptLog(slug)).pipe(fileFailed(slug, "removing its kept operation log")),
    auditExport: Effect.fn("OperationLogs.auditExport")(
      function* (path: string, request: (header: string) => AuditRequest) {
        const header = yield* firstLine(path)
        const from = Buffer.byteLength(header) + 1
        return { header, audit: yield* auditFile(path, { ...request(header), from }) }
      },
      (effect, path) =>
        Effect.mapError(
          effect,
          ({ code, cause }) =>
            new SidecarError({
              slug: "*",
              operation: "reading a provenance file",
              reason: code === "" ? `${path} has no first line of that format` : `${path} (${code})`,
              cause,
            }),
        ),
    ),
  }
}

const firstLine = (path: string): Effect.Effect<string, FileFailure> =>
  Effect.acquireUseRelease(
    file(() => open(path, "r")),
    (handle) =>
      Effect.gen(function* () {
        const pieces: Array<Buffer> = []
        for (let size = 0; size < HEADER_MAX;) {
          const piece = Buffer.allocUnsafe(64 * 1024)
          const { bytesRead } = yield* file(() => handle.read(piece, 0, piece.length, size))
          const end = piece.subarray(0, bytesRead).indexOf(10)
          if (end !== -1) return Buffer.concat([...pieces, piece.subarray(0, end)]).toString("utf8")
          if (bytesRead === 0) break
          pieces.push(piece.subarray(0, bytesRead))
          size += bytesRead
        }
        return yield* new FileFailure({ code: "", cause: "it has no line" })
      }),
    (handle) => Effect.ignore(file(() => handle.close())),
  )

const failureOf = (cause: unknown): FileFailure =>
  new FileFailure({
    code: cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "",
    cause,
  })

/** The operation logs of a home's bottles. */
export const layer: Layer.Layer<OperationLogs> = Layer.effect(OperationLogs, Effect.map(Home, make))
