/** Runs git http-backend as a CGI program (git-http-backend(1)): it serves what an agent reads. */
import * as NodeStream from "@effect/platform-node/NodeStream"
import { Effect, Stream } from "effect"
import type { IncomingMessage, ServerResponse } from "node:http"
import { gunzip } from "node:zlib"
import { gitSpec } from "../../domain/HardenedGit.ts"
import { GitFailure } from "./GitFailure.ts"
import type { GitContext } from "./Repository.ts"

/** One request to it. */
export interface HttpBackendRequest {
  readonly method: "GET" | "POST"
  /** Below the repositories' directory, such as `/app.git/info/refs`. */
  readonly path: string
  readonly query: string
  readonly body?: Buffer
}

const CONFIG: ReadonlyArray<readonly [string, string]> = [
  // The wanted objects of a fetch are checked before, in all versions of the protocol.
  ["uploadpack.allowAnySHA1InWant", "true"],
  ["uploadpack.allowFilter", "true"],
  // All except `sparse:oid`, which reads an object that was not checked.
  ["uploadpackfilter.allow", "false"],
  ["uploadpackfilter.blob:none.allow", "true"],
  ["uploadpackfilter.blob:limit.allow", "true"],
  ["uploadpackfilter.tree.allow", "true"],
  ["uploadpackfilter.object:type.allow", "true"],
  ["uploadpackfilter.combine.allow", "true"],
  // For the ref advertisement before a push. The push itself never gets here.
  ["http.receivepack", "true"],
]

/** Serves a request with it, with backpressure. */
export const serveHttpBackend = (
  context: GitContext,
  asked: HttpBackendRequest,
  request: IncomingMessage,
  response: ServerResponse,
): Effect.Effect<void, GitFailure> =>
  Effect.gen(function* () {
    const { "git-protocol": protocol, "content-type": type } = request.headers
    const { output, exit } = yield* context.runner.stream(
      gitSpec({
        args: ["http-backend"],
        config: CONFIG,
        env: {
          GIT_PROJECT_ROOT: context.directory,
          GIT_HTTP_EXPORT_ALL: "1",
          REQUEST_METHOD: asked.method,
          PATH_INFO: asked.path,
          QUERY_STRING: asked.query,
          CONTENT_TYPE: type ?? "",
          ...(/^version=[012]$/.test(String(protocol)) && { GIT_PROTOCOL: String(protocol) }),
        },
        ...(asked.body !== undefined && { stdin: Stream.make(asked.body) }),
      }),
    )
    const head = { text: Buffer.alloc(0), over: false }
    yield* output.pipe(
      Stream.filter(({ stream }) => stream === "stdout"),
      Stream.timeoutFail(
        () => new GitFailure({ reason: "git made no progress", remote: [] }),
        context.progressMs,
      ),
      Stream.runForEach(({ bytes }) => {
        if (head.over) return write(response, bytes)
        head.text = Buffer.concat([head.text, bytes])
        const end = head.text.indexOf("\r\n\r\n")
        if (end === -1) return Effect.void
        head.over = true
        writeHead(response, head.text.toString("latin1", 0, end))
        return write(response, head.text.subarray(end + 4))
      }),
    )
    const { exitCode } = yield* exit
    if (!head.over) return yield* new GitFailure({ reason: `git ended with ${exitCode}`, remote: [] })
    yield* Effect.sync(() => (exitCode === 0 ? response.end() : response.destroy()))
  }).pipe(
    Effect.scoped,
    Effect.catchTag("ProcessError", ({ message }) => new GitFailure({ reason: message, remote: [] })),
  )

/** The headers of a CGI response: `Status` is the status, and few others matter. */
const writeHead = (response: ServerResponse, text: string): void => {
  const fields = new Map(
    text.split("\r\n").map((line): readonly [string, string] => {
      const at = line.indexOf(":")
      return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()]
    }),
  )
  const status = Number.parseInt(fields.get("status") ?? "200", 10)
  response.writeHead(status, {
    "content-type": fields.get("content-type") ?? "text/plain",
    "cache-control": "no-cache",
  })
}

const write = (response: ServerResponse, bytes: Uint8Array): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (bytes.length === 0 || response.destroyed || response.write(bytes)) return resume(Effect.void)
    const done = () => {
      response.off("drain", done)
      response.off("close", done)
      resume(Effect.void)
    }
    response.on("drain", done)
    response.on("close", done)
    return Effect.sync(done)
  })

/** The body of a request, which must keep arriving and end before it is too large. */
export const bodyOf = (
  request: IncomingMessage,
  progressMs: number,
  bodyMax: number,
): Stream.Stream<Uint8Array, GitFailure> =>
  limited(
    NodeStream.fromReadable<GitFailure, Uint8Array>(
      () => request,
      () => new GitFailure({ reason: "the agent went away", remote: [] }),
      // A client that sent too much should read why: closing the request would end its connection.
      { closeOnDone: false },
    ).pipe(
      Stream.timeoutFail(
        () => new GitFailure({ reason: `nothing came for ${Math.round(progressMs / 1000)} s`, remote: [] }),
        progressMs,
      ),
    ),
    bodyMax,
  )

/** Fails when more data comes. */
export const limited = (
  stream: Stream.Stream<Uint8Array, GitFailure>,
  bytesMax: number,
): Stream.Stream<Uint8Array, GitFailure> =>
  Stream.mapAccumEffect(stream, 0, (before, bytes) => {
    const size = before + bytes.length
    return size > bytesMax
      ? Effect.fail(new GitFailure({ reason: `it is larger than ${sizeOf(bytesMax)}`, remote: [] }))
      : Effect.succeed([size, bytes] as const)
  })

const sizeOf = (bytes: number): string =>
  bytes < 1024 ** 2 ? `${Math.round(bytes / 1024)} KiB` : `${Math.round(bytes / 1024 ** 2)} MiB`

/** Names of 80,000 objects: more than any fetch sends, except one of a clone without blobs. The sidecar has little memory. */
const FETCH_BYTES_MAX = 4 * 1024 * 1024

/** A fetch request, decompressed. */
export const wholeBody = (
  { progressMs, bodyMax }: Pick<GitContext, "progressMs"> & { readonly bodyMax: number },
  request: IncomingMessage,
): Effect.Effect<Buffer, GitFailure> => {
  const bytesMax = Math.min(bodyMax, FETCH_BYTES_MAX)
  return Stream.runCollect(bodyOf(request, progressMs, bytesMax)).pipe(
    Effect.map((parts) => Buffer.concat([...parts])),
    Effect.flatMap((body) =>
      request.headers["content-encoding"] === "gzip" ? unzipped(body, bytesMax) : Effect.succeed(body),
    ),
  )
}

const unzipped = (body: Buffer, bytesMax: number) =>
  Effect.async<Buffer, GitFailure>((resume) =>
    gunzip(body, { maxOutputLength: bytesMax }, (error, plain) =>
      resume(
        error === null
          ? Effect.succeed(plain)
          : Effect.fail(new GitFailure({ reason: "its compression is broken, or too much", remote: [] })),
      ),
    ),
  )
