/** Calls below `/git/`: a bottle's repositories for git clients, with their lines in the operation log. */
import { Cause, Clock, Effect, Either, Exit, Fiber, FiberSet, Option } from "effect"
import type { Scope } from "effect"
import type { IncomingMessage, ServerResponse } from "node:http"
import type { RefUpdate } from "../../domain/PushPolicy.ts"
import { SECRET_REFUSALS } from "../../domain/SecretRefusals.ts"
import type { SecretScannerApi } from "../../services/SecretScanner.ts"
import { type EndWords, around } from "../record/around.ts"
import type { LogUnwritable, CallLog } from "../record/OperationLog.ts"
import { CallFailure } from "../forge/CallFailure.ts"
import type { ServePath } from "../http/ServePath.ts"
import { answerEarly } from "../http/afterBody.ts"
import { wholeBody, serveHttpBackend } from "./httpBackend.ts"
import { type Asked, type Service, answer, tell, whileWaited } from "./answers.ts"
import { allowed } from "./fetch.ts"
import { FLUSH, writeReport } from "./pktLine.ts"
import { type ReceiveContext, receive, refuseUnread } from "./receive.ts"
import { GitFailure } from "./GitFailure.ts"
import { type GitContext, type Repository, openRepository } from "./Repository.ts"
import type { Propose } from "../forge/callContext.ts"
import { requireProposable } from "./propose.ts"
import { type PushedRefs, movedRefs } from "./pushed.ts"
import type { PushOutcome } from "./pushUpstream.ts"
import { clearPushes, openPush, spool } from "./spool.ts"
import type { Upstream } from "./Upstream.ts"
import type { UpstreamForge } from "./UpstreamForge.ts"
import type { Planned } from "./approval.ts"

/** Path of repositories at the neck. */
export const GIT_PREFIX = "/git/"

/** What is served below `/git/`, and its limits. */
export interface GitOptions extends GitContext {
  readonly upstreams: ReadonlyMap<string, Upstream>
  readonly scanner: SecretScannerApi
  readonly log: CallLog
  readonly checkIn: Effect.Effect<void>
  /** Records which branches this bottle has pushed. */
  readonly pushed: PushedRefs
  /** Largest body in bytes. */
  readonly bodyMax: number
  /** Limit to inspect a push, in milliseconds. */
  readonly inspectMs: number
  /** The run's forge, from the view of one of its upstreams. */
  readonly forgeOf: (upstream: Upstream) => UpstreamForge | undefined
  /** What approves pushes to a repository with `pushAfter: approval` now. */
  readonly approval: Planned["approval"]
}

/** The repositories of a bottle. */
export interface Git {
  readonly serve: ServePath
  readonly propose: Propose
}

const CALLS_MAX = 16
/** A fetch request is held in memory until git has read it. */
const FETCHES_MAX = 4

/**
 * Makes the server of repositories. No repository is created and no upstream asked before the first request. Work in progress is cut
 * off when the scope closes.
 */
export const makeGit = (given: Omit<GitOptions, "inBackground">): Effect.Effect<Git, never, Scope.Scope> =>
  Effect.gen(function* () {
    yield* clearPushes(given)
    const underWay = yield* FiberSet.make()
    const inBackground = (work: Effect.Effect<void>) => Effect.asVoid(FiberSet.run(underWay, work))
    const options: GitOptions = { ...given, inBackground }
    const { upstreams, log, scanner } = options
    const looking = Effect.unsafeMakeSemaphore(1).withPermits(1)
    const pushing = Effect.unsafeMakeSemaphore(1).withPermits(1)
    const slots = Effect.unsafeMakeSemaphore(CALLS_MAX).withPermits(1)
    const fetching = Effect.unsafeMakeSemaphore(FETCHES_MAX).withPermits(1)
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

    const logLine = (target: string, start: number, reason: string | undefined, rejected = false) =>
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
        yield* Effect.tapError(repository.sync, ({ reason }) => Effect.ignore(logLine(target, start, reason)))
        yield* logLine(target, start, undefined)
        const path = `/${upstream.name}.git/info/refs`
        yield* serveHttpBackend(
          options,
          { method: "GET", path, query: `service=${service}` },
          request,
          response,
        )
      })

    const fetched = ({ upstream }: Asked, request: IncomingMessage, response: ServerResponse) =>
      Effect.gen(function* () {
        const repository = yield* repositoryOf(upstream)
        const start = yield* Clock.currentTimeMillis
        const asked = yield* wholeBody(options, request)
        const body = yield* Effect.tapError(
          Effect.zipRight(repository.syncRecently, looking(allowed(options, repository, asked))),
          ({ reason }) => Effect.ignore(logLine(`${upstream.name} fetch`, start, clean(reason))),
        )
        const path = `/${upstream.name}.git/git-upload-pack`
        yield* serveHttpBackend(options, { method: "POST", path, query: "", body }, request, response)
      })

    /** A refused ref may contain a secret in its name. */
    const rejected = (name: string, updates: ReadonlyArray<RefUpdate>, start: number, reason: string) =>
      Effect.gen(function* () {
        const target = targetOf(name, updates)
        const isClean = yield* Effect.match(scanner.scanText(`${target}\n${reason}`), {
          onFailure: () => false,
          onSuccess: (found) => found.length === 0,
        })
        yield* isClean
          ? logLine(target, start, clean(reason), true)
          : logLine(`${name} push`, start, SECRET_REFUSALS.ref, true)
      }).pipe(Effect.ignore)

    const pushed = ({ upstream }: Asked, request: IncomingMessage, response: ServerResponse) =>
      Effect.gen(function* () {
        const repository = yield* repositoryOf(upstream)
        const folder = yield* openPush(options)
        const start = yield* Clock.currentTimeMillis
        const spooled = yield* Effect.either(spool(options, request, folder))
        // git uses this request to check whether it may push at all before it sends something large.
        if (Either.isRight(spooled) && spooled.right === FLUSH.length) return Buffer.alloc(0)
        const logged = begun(options, repository)
        const received = Either.isLeft(spooled)
          ? yield* refuseUnread(folder, spooled.left)
          : yield* pushing(
              receive({ ...options, logged, forge: options.forgeOf(upstream) }, repository, folder),
            )
        const { report, request: push, refused, reached } = received
        if (refused !== undefined && !reached) yield* rejected(upstream.name, push.updates, start, refused)
        return writeReport(report, push.capabilities)
      }).pipe(
        // Nothing of the push is left when the agent gets its response.
        Effect.scoped,
        Effect.flatMap((body) => answer(request, response, body)),
      )

    const serve: ServePath = (request, response, path) => {
      const asked = ask(upstreams, request, path)
      if (asked === undefined)
        return Effect.zipRight(
          Effect.ignore(
            Effect.flatMap(Clock.currentTimeMillis, (now) =>
              logLine("", now, "no such repository or service", true),
            ),
          ),
          Effect.sync(() =>
            answerEarly(request, response, 404, `not found: this bottle has ${known(upstreams)}\n`),
          ),
        )
      // A push in progress is completed, even if the client has gone.
      const served: Effect.Effect<void, GitFailure | LogUnwritable> =
        asked.kind === "refs"
          ? whileWaited(response, refs(asked, request, response))
          : asked.service === "git-upload-pack"
            ? whileWaited(response, fetching(fetched(asked, request, response)))
            : pushed(asked, request, response)
      return slots(served).pipe(
        Effect.catchTag("LogUnwritable", () => Effect.fail(unlogged)),
        // Whatever else goes wrong here, a client must not wait forever.
        Effect.catchAllDefect((defect) =>
          Effect.zipRight(Effect.logError("a call of git failed", defect), Effect.fail(ownFailure)),
        ),
        Effect.catchAll((failure) => Effect.sync(() => tell(asked, request, response, failure))),
        Effect.zipLeft(options.checkIn),
        (call) => Effect.flatMap(FiberSet.run(underWay, call), Fiber.join),
      )
    }

    const propose: Propose = (head, base, open) => {
      const own = [...upstreams.values()].filter((upstream) => options.forgeOf(upstream)?.openBases)
      const upstream = own.find(({ url }) => options.pushed.has(url, `refs/heads/${head}`)) ?? own[0]
      if (upstream === undefined) return open(base)
      return pushing(
        Effect.gen(function* () {
          const repository = yield* Effect.mapError(
            repositoryOf(upstream),
            ({ reason }) => new CallFailure({ kind: "params", message: `open_pr from "${head}": ${reason}` }),
          )
          return yield* open(yield* requireProposable(options, repository, head, base))
        }),
      )
    }
    return { serve, propose }
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

/** Access to the upstream has two log lines. If the second is missing, it was cut off. */
const begun =
  ({ log, pushed, scanner }: GitOptions, repository: Repository): ReceiveContext["logged"] =>
  (updates, approval, push) =>
    Effect.gen(function* () {
      const { name, url } = repository.upstream
      const moved = yield* movedRefs(repository, updates)
      return yield* around(log)(
        {
          op: "git",
          target: targetOf(name, updates),
          detail: "pushing to the upstream",
          commits: commitsOf(updates),
          scanner: clean(yield* scanner.name),
          ...(approval !== undefined && { approval: { ...approval, by: clean(approval.by) } }),
          ended: wordsOf,
        },
        pushed.during(url, moved, push),
      ).pipe(Effect.catchTag("LogUnwritable", () => Effect.fail(unlogged)))
    })

/** An interrupted push has no end line: it is unknown whether the upstream has it. */
const wordsOf = (exit: Exit.Exit<PushOutcome, GitFailure>): Option.Option<EndWords> =>
  Option.map(
    Exit.isSuccess(exit)
      ? Option.some({ reason: exit.value.refused, untaken: "the upstream did not take it" })
      : Option.map(Cause.failureOption(exit.cause), ({ reason }) => ({
          reason,
          untaken: "the upstream is not known to have it",
        })),
    ({ reason, untaken }) =>
      reason === undefined
        ? { outcome: "ok", detail: "pushed to the upstream" }
        : { outcome: "failed", reason: clean(reason), detail: untaken },
  )

const ownFailure = new GitFailure({ reason: "it failed on this side", remote: [] })

const unlogged = new GitFailure({ reason: "the call cannot be logged, so it is not made", remote: [] })

const targetOf = (name: string, updates: ReadonlyArray<RefUpdate>): string =>
  clean(`${name} push ${updates.map(({ ref }) => ref).join(" ")}`)

/** The commits that pushed branches are to point at. A push of more than so many branches names the first ones. */
const commitsOf = (updates: ReadonlyArray<RefUpdate>): ReadonlyArray<string> =>
  [...new Set(updates.map((update) => update.new))].filter(isCommit).slice(0, COMMITS_MAX)

const COMMITS_MAX = 16
/** A deleted branch points at zeros. */
const isCommit = (name: string): boolean => /^(?!0+$)(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(name)

const clean = (text: string): string => text.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 300)
