/** Calls below `/git/`: a repository of the bottle as git's own clients see it, and its lines in the operation log. */
import * as NodeSink from "@effect/platform-node/NodeSink"
import * as NodeStream from "@effect/platform-node/NodeStream"
import { Clock, Effect, Stream } from "effect"
import { randomUUID } from "node:crypto"
import { createWriteStream } from "node:fs"
import { mkdir, rm } from "node:fs/promises"
import type { IncomingMessage, ServerResponse } from "node:http"
import { join } from "node:path"
import { createGunzip } from "node:zlib"
import type { RefUpdate } from "../../../domain/PushPolicy.ts"
import type { SecretScannerApi } from "../../../services/SecretScanner.ts"
import type { LogUnwritable, OperationLog } from "../OperationLog.ts"
import { answerEarly } from "../routes/afterBody.ts"
import { file } from "../files.ts"
import { bodyOf, limited, serveBackend } from "./backend.ts"
import { type Asked, type Service, answer, tell, whileWaited } from "./answers.ts"
import { FLUSH, writeReport } from "./pktLine.ts"
import { type ReceiveContext, receive } from "./receive.ts"
import { type GitContext, GitFailure, type Repository, openRepository } from "./Repository.ts"
import type { Upstream } from "./Upstream.ts"

/** Where repositories are at the neck. */
export const GIT_PREFIX = "/git/"

/** What is served below `/git/`, and within which limits. */
export interface GitOptions extends GitContext {
  readonly upstreams: ReadonlyMap<string, Upstream>
  readonly scanner: SecretScannerApi
  readonly log: OperationLog
  readonly checkIn: Effect.Effect<void>
  /** Bytes of a body. */
  readonly bodyMax: number
}

/** Serves a request whose path at the neck begins with {@link GIT_PREFIX}; done when the call is over. */
export type ServeGit = (
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
) => Effect.Effect<void>

const CALLS_MAX = 16
/** Makes the server of repositories; nothing is made or asked before the first request. */
export const makeGit = (options: GitOptions): Effect.Effect<ServeGit> =>
  Effect.sync(() => {
    const { upstreams, log, scanner } = options
    const pushing = Effect.unsafeMakeSemaphore(1).withPermits(1)
    const slots = Effect.unsafeMakeSemaphore(CALLS_MAX).withPermits(1)
    const openings = Effect.unsafeMakeSemaphore(1).withPermits(1)
    const repositories = new Map<string, Repository>()
    const repositoryOf = (upstream: Upstream) =>
      openings(
        Effect.suspend(() => {
          const known = repositories.get(upstream.name)
          return known === undefined
            ? Effect.tap(openRepository(options, upstream), (made) =>
                Effect.sync(() => repositories.set(upstream.name, made)),
              )
            : Effect.succeed(known)
        }),
      )

    const told = (target: string, start: number, reason: string | undefined, rejected = false) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        log.append({
          op: "git",
          target,
          outcome: reason === undefined ? "ok" : rejected ? "rejected" : "failed",
          ...(reason !== undefined && { reason }),
          durationMs: now - start,
          detail: reason === undefined ? "asked the upstream" : "was not served",
        }),
      )

    const refs = (asked: Asked, request: IncomingMessage, response: ServerResponse) =>
      Effect.gen(function* () {
        const { upstream, service } = asked
        const repository = yield* repositoryOf(upstream)
        const start = yield* Clock.currentTimeMillis
        const target = `${upstream.name} ${service === "git-upload-pack" ? "fetch" : "push"}`
        yield* Effect.tapError(repository.sync, ({ reason }) => Effect.ignore(told(target, start, reason)))
        yield* told(target, start, undefined)
        const path = `/${upstream.name}.git/info/refs`
        yield* serveBackend(
          options,
          { method: "GET", path, query: `service=${service}` },
          options.bodyMax,
          request,
          response,
        )
      })

    const fetched = ({ upstream }: Asked, request: IncomingMessage, response: ServerResponse) =>
      Effect.gen(function* () {
        const repository = yield* repositoryOf(upstream)
        const start = yield* Clock.currentTimeMillis
        yield* Effect.tapError(repository.syncRecently, ({ reason }) =>
          Effect.ignore(told(`${upstream.name} fetch`, start, reason)),
        )
        const path = `/${upstream.name}.git/git-upload-pack`
        yield* serveBackend(options, { method: "POST", path, query: "" }, options.bodyMax, request, response)
      })

    /** A ref that is refused may have a secret in its name. */
    const rejected = (name: string, updates: ReadonlyArray<RefUpdate>, start: number, reason: string) =>
      Effect.gen(function* () {
        const target = targetOf(name, updates)
        const isClean = yield* Effect.match(scanner.scanText(`${target}\n${reason}`), {
          onFailure: () => false,
          onSuccess: (found) => found.length === 0,
        })
        yield* isClean
          ? told(target, start, clean(reason), true)
          : told(`${name} push`, start, "a secret in what was pushed", true)
      }).pipe(Effect.ignore)

    const pushed = ({ upstream }: Asked, request: IncomingMessage, response: ServerResponse) =>
      Effect.gen(function* () {
        const repository = yield* repositoryOf(upstream)
        const folder = yield* incoming(repository)
        const size = yield* spool(options, request, folder)
        // git asks so whether it may push at all, before it sends something large.
        if (size === FLUSH.length) return Buffer.alloc(0)
        const start = yield* Clock.currentTimeMillis
        const logged = begun(log, upstream.name)
        const received = yield* pushing(receive({ ...options, logged }, repository, folder))
        const { report, request: push, refused, reached } = received
        if (refused !== undefined && !reached) yield* rejected(upstream.name, push.updates, start, refused)
        return writeReport(report, push.capabilities)
      }).pipe(
        // Nothing of the push is left when the agent has its answer.
        Effect.scoped,
        Effect.flatMap((body) => answer(response, body)),
      )

    return (request, response, path) => {
      const asked = ask(upstreams, request, path)
      if (asked === undefined)
        return Effect.zipRight(
          Effect.ignore(
            Effect.flatMap(Clock.currentTimeMillis, (now) =>
              told("", now, "no such repository or service", true),
            ),
          ),
          Effect.sync(() =>
            answerEarly(request, response, 404, `not found: this bottle has ${known(upstreams)}\n`),
          ),
        )
      // A push that has begun goes to its end, whoever still waits for it.
      const served: Effect.Effect<void, GitFailure | LogUnwritable> =
        asked.kind === "refs"
          ? whileWaited(response, refs(asked, request, response))
          : asked.service === "git-upload-pack"
            ? whileWaited(response, fetched(asked, request, response))
            : pushed(asked, request, response)
      return slots(served).pipe(
        Effect.catchTag("LogUnwritable", () => Effect.fail(unlogged)),
        Effect.catchAll((failure) => Effect.sync(() => tell(asked, request, response, failure))),
        Effect.zipLeft(options.checkIn),
      )
    }
  })

const ask = (
  upstreams: ReadonlyMap<string, Upstream>,
  { method }: IncomingMessage,
  path: string,
): Asked | undefined => {
  const [, name = "", rest = ""] = /^\/git\/([^/?]*)\.git\/(.*)$/s.exec(path) ?? []
  const upstream = upstreams.get(name)
  if (upstream === undefined) return undefined
  const [, get, post] =
    /^(?:info\/refs\?service=(git-upload-pack|git-receive-pack)|(git-upload-pack|git-receive-pack))$/.exec(
      rest,
    ) ?? []
  if (method === "GET" && isService(get)) return { upstream, service: get, kind: "refs" }
  if (method === "POST" && isService(post)) return { upstream, service: post, kind: "service" }
  return undefined
}

const isService = (text: string | undefined): text is Service =>
  text === "git-upload-pack" || text === "git-receive-pack"

const known = (upstreams: ReadonlyMap<string, Upstream>): string =>
  upstreams.size === 0
    ? "no repositories"
    : `${[...upstreams.keys()].map((name) => `${GIT_PREFIX}${name}.git`).join(", ")}, for git over HTTP`

/** A place for one push, gone with it. */
const incoming = ({ directory }: Repository) =>
  Effect.acquireRelease(
    Effect.suspend(() => {
      const folder = join(directory, `incoming-${randomUUID()}`)
      return Effect.as(
        file(() => mkdir(folder, { mode: 0o700 })),
        folder,
      )
    }).pipe(Effect.mapError(() => new GitFailure({ reason: "the push could not be kept", remote: [] }))),
    (folder) => Effect.ignore(file(() => rm(folder, { recursive: true, force: true }))),
  )

/** Puts the body of a push on disk, and answers its size. */
const spool = (options: GitOptions, request: IncomingMessage, folder: string) =>
  Effect.gen(function* () {
    const { progressMs, bodyMax } = options
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
      NodeSink.fromWritable(
        () => createWriteStream(join(folder, "body"), { mode: 0o600 }),
        () => new GitFailure({ reason: "the push could not be kept", remote: [] }),
      ),
    )
    return size.bytes
  })

/** The upstream is told of in two lines: what is between them was cut off. */
const begun =
  (log: OperationLog, name: string): ReceiveContext["logged"] =>
  (updates, push) =>
    Effect.gen(function* () {
      const entry = { op: "git", target: targetOf(name, updates) }
      const start = yield* Clock.currentTimeMillis
      const begin = yield* log
        .append({ ...entry, phase: "begin", outcome: "ok", durationMs: 0, detail: "pushing to the upstream" })
        .pipe(Effect.mapError(() => unlogged))
      const done = yield* Effect.either(push)
      const reason = done._tag === "Left" ? done.left.reason : done.right.refused
      yield* Effect.ignore(
        log.append({
          ...entry,
          phase: "end",
          begin,
          outcome: reason === undefined ? "ok" : "failed",
          ...(reason !== undefined && { reason: clean(reason) }),
          durationMs: (yield* Clock.currentTimeMillis) - start,
          detail: reason === undefined ? "pushed to the upstream" : "the upstream did not take it",
        }),
      )
      return yield* done
    })

const unlogged = new GitFailure({ reason: "the call cannot be logged, so it is not made", remote: [] })

const targetOf = (name: string, updates: ReadonlyArray<RefUpdate>): string =>
  clean(`${name} push ${updates.map(({ ref }) => ref).join(" ")}`)

const clean = (text: string): string => text.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 300)
