/** serve: one sidecar, from its document to open sockets; its scope closes it in the reverse order. */
import { Deferred, Effect, Either, Schedule, Schema } from "effect"
import type { Scope } from "effect"
import { appendFile, mkdir, readFile, stat } from "node:fs/promises"
import { closeSync, futimesSync, openSync } from "node:fs"
import { dirname, join } from "node:path"
import { SidecarError } from "../domain/Errors.ts"
import { allowList } from "../domain/AllowList.ts"
import { ProcessIdentity } from "../domain/ProcessIdentity.ts"
import { type ForgePlace, isRepositoryOf } from "../domain/ForgeRepository.ts"
import { pushPatterns } from "../domain/PushPolicy.ts"
import type { ForgeApi } from "../services/Forge.ts"
import { Forges } from "../services/Forges.ts"
import type { ProcessRunner } from "../services/ProcessRunner.ts"
import { Processes } from "../services/Processes.ts"
import { SecretScanner } from "../services/SecretScanner.ts"
import type { RunForge } from "./forge/callContext.ts"
import { serveControl } from "./http/control.ts"
import { forgeCalls } from "./forge/ForgeCalls.ts"
import { makeEgress } from "./egress/Egress.ts"
import { file, orElseOn } from "./record/files.ts"
import { type PushedRefs, openPushed } from "./git/pushed.ts"
import { type Upstream, readUpstreams } from "./git/Upstream.ts"
import { upstreamForge } from "./git/UpstreamForge.ts"
import { serveUpstreams } from "./git/serveUpstreams.ts"
import { socketGate } from "./http/gates.ts"
import { isOurs, listenUnix } from "./http/listenUnix.ts"
import { withDeployKeys } from "./keys/withDeployKeys.ts"
import { serveLoopback } from "./loopback.ts"
import { withNamedHeads } from "./git/namedHeads.ts"
import { makeNeck } from "./NeckServer.ts"
import * as OperationLog from "./record/OperationLog.ts"
import * as QueueDir from "./record/QueueDir.ts"
import * as RunScope from "./forge/RunScope.ts"
import { readRoutes } from "./routes/Route.ts"
import { makeRoutes } from "./routes/RouteCalls.ts"
import { secretsOf } from "./secrets.ts"
import { makeKeeper, openCounts, reportLimit } from "./forge/limits.ts"
import type { ForgePart, SidecarDocument } from "./SidecarDocument.ts"

/** What a sidecar takes from the machine that it runs on. */
export type SidecarNeeds = Forges | ProcessRunner | Processes | SecretScanner

/** Times of a sidecar, in milliseconds. */
export interface SidecarTimes {
  /** Without a connection for so long it ends (default: 10 minutes); six times as long before the first one. */
  readonly idleMs?: number
  /** How long the rest of a request that has begun may take (default: 30 seconds). */
  readonly requestTimeoutMs?: number
  /** How long nothing may pass in a call through a route (default: 15 minutes, as models think for minutes). */
  readonly routeIdleMs?: number
  /** How long nothing may pass in a tunnel (default: 15 minutes). */
  readonly egressIdleMs?: number
  /** How long a tunnel's client may take for its TLS hello (default: 15 seconds). */
  readonly helloMs?: number
  /** How long calls in flight may take at the end (default: 5 seconds). */
  readonly drainMs?: number
  /** How long a step of git may make no progress (default: 15 seconds). */
  readonly gitProgressMs?: number
  /** How long a scan for secrets may be at one object (default: 15 seconds). */
  readonly scanMs?: number
  /** Bytes of a push or of what a fetch asks (default: 100 MiB). */
  readonly gitBodyMax?: number
  /** How long unpacking a push and looking at it may take (default: 5 minutes). */
  readonly gitInspectMs?: number
  /** How long the registering of a deploy key may take (default: 8 seconds), and its revoking at the end (5 seconds). */
  readonly registerMs?: number
  readonly revokeMs?: number
}

/** A sidecar that serves. */
export interface RunningSidecar {
  /** Returns when it was asked to stop, has been idle too long, or lost its socket. */
  readonly ended: Effect.Effect<void>
}

/** Serves a document until the scope closes; then what is in flight is answered first. */
export const serve = (
  given: SidecarDocument,
  times: SidecarTimes = {},
): Effect.Effect<RunningSidecar, SidecarError, SidecarNeeds | Scope.Scope> =>
  Effect.gen(function* () {
    const { slug, socketPath, controlPath, stateDir } = given
    const { idleMs = 600_000, requestTimeoutMs = 30_000, routeIdleMs = 900_000, drainMs = 5000 } = times
    const { egressIdleMs = 900_000, helloMs = 15_000 } = times
    const ended = yield* Deferred.make<void>()
    const runtime = { ready: false, askedAt: 0 }
    yield* directories(given)
    // Never the neck's own directory: the backend clears it while we start, and the bottle reads it.
    const workDirectory = dirname(controlPath ?? socketPath)
    if (controlPath !== undefined) {
      yield* serveControl(
        controlPath,
        () => {
          runtime.askedAt = Date.now()
          return { slug, pid: process.pid, ready: runtime.ready, socketPath }
        },
        () => Deferred.unsafeDone(ended, Effect.void),
      )
    }
    const document = yield* withDeployKeys(given, times)
    const log = yield* OperationLog.open(join(stateDir, "operations.jsonl"))
    const queue = join(stateDir, "queue")
    const keeper = yield* keeperOf(document, log, queue)
    const scanner = yield* (yield* SecretScanner).make({
      secrets: yield* secretsOf(document),
      workDirectory: stateDir,
      ...(times.scanMs !== undefined && { progressMs: times.scanMs }),
    })
    const listed = yield* Either.mapLeft(readUpstreams(slug, document.git ?? []), (reason) =>
      failed(document, reason, undefined),
    )
    const { forge: part } = document
    const made = part && (yield* reachForge(part))
    const upstreams = made ? yield* withNamedHeads(listed, made) : listed
    const pushed = yield* openPushed(join(stateDir, "pushed"))
    const checkIn = yield* openCheckIn(join(stateDir, "checkin"))
    const forge = made && (yield* runForge(document, made, [...upstreams.values()], pushed))
    const forgeOf = upstreamForge(made?.place, forge)
    const git = yield* serveUpstreams({ document, upstreams, scanner, log, checkIn, pushed, forgeOf, times })
    const calls = forgeCalls({
      slug,
      log,
      forge,
      propose: git.propose,
      scanText: scanner.scanText,
      keeper,
      tell: (event) => QueueDir.append(queue, event),
      remember: (pr) => Effect.ignore(file(() => appendFile(prsFile(stateDir), `${pr}\n`, { mode: 0o600 }))),
    })
    const routes = yield* Either.mapLeft(readRoutes(document.routes ?? []), (reason) =>
      failed(document, reason, undefined),
    )
    const serveRoute = yield* makeRoutes({ routes, log, checkIn, idleMs: routeIdleMs })
    const allow = allowList(document.egress?.allow ?? [])
    const egress = yield* makeEgress({ allow, log, checkIn, idleMs: egressIdleMs, helloMs })
    const neck = yield* makeNeck({
      calls,
      log,
      serveRoute,
      serveGit: git.serve,
      egress,
      keeper,
      checkIn,
      requestTimeoutMs,
      drainMs,
    })
    const server = yield* neck.server(socketGate)
    const { ino } = yield* listenUnix(server, socketPath, 0o666, workDirectory)
    if (document.loopback === true)
      yield* serveLoopback(neck, join(dirname(socketPath), "loopback"), [...routes.keys()], workDirectory)
    runtime.ready = true
    const useless = untilUseless({
      lastConnected: neck.lastConnected,
      askedAt: () => runtime.askedAt,
      hasName: isOurs(socketPath, ino),
      agentRuns: Effect.provideService(agentRuns(given), Processes, yield* Processes),
      idleMs,
    })
    yield* Effect.forkScoped(Effect.zipRight(useless, Deferred.succeed(ended, undefined)))
    return { ended: Deferred.await(ended) }
  }).pipe(
    Effect.catchTags({
      ListenFailure: ({ reason, cause }) => failed(given, reason, cause),
      KeyFailure: ({ reason }) => failed(given, reason, undefined),
      ForgeConfigInvalid: ({ message }) => failed(given, message, undefined),
      LogUnwritable: ({ cause }) => failed(given, "its operation log could not be opened", cause),
      FileFailure: ({ code, cause }) => failed(given, `its directories could not be used (${code})`, cause),
    }),
  )

const failed = ({ slug }: SidecarDocument, reason: string, cause: unknown) =>
  new SidecarError({ slug, operation: "serve", reason, cause })

/**
 * Those that are missing, unless the launcher has made them. A bottle may have been destroyed since it did, when the
 * launcher was killed: what is made then nobody would remove.
 */
const directories = Effect.fnUntraced(function* ({
  socketPath,
  controlPath,
  stateDir,
  made,
}: SidecarDocument) {
  if (made === true) {
    const paths = [stateDir, dirname(socketPath), dirname(controlPath ?? socketPath)]
    return yield* Effect.forEach(paths, (path) => file(() => stat(path)), { discard: true })
  }
  yield* file(() => mkdir(stateDir, { recursive: true, mode: 0o700 }))
  yield* file(() => mkdir(dirname(socketPath), { recursive: true, mode: 0o755 }))
  if (controlPath !== undefined)
    yield* file(() => mkdir(dirname(controlPath), { recursive: true, mode: 0o700 }))
})

/** The limits of the run; each that is reached has a line in the log, and an event for the operator. */
const keeperOf = Effect.fnUntraced(function* (
  { slug, stateDir, run = 1, limits }: SidecarDocument,
  log: OperationLog.OpenLog,
  queue: string,
) {
  const counts = yield* openCounts(join(stateDir, "counts"), run, log.size)
  const keeper = yield* makeKeeper({
    limits,
    counts,
    logIsFull: log.isFull,
    report: (limit, value) => reportLimit(log, queue, { slug, limit, value }),
  })
  log.limit(counts.logStart + keeper.limits.logBytes)
  return keeper
})

const prsFile = (stateDir: string): string => join(stateDir, "prs")

/** The forge of a run, where its repositories are, and the PRs that the operator named. */
interface ReachedForge {
  readonly part: ForgePart
  readonly api: ForgeApi
  readonly place: ForgePlace
  readonly named: ReadonlyArray<number>
}

const reachForge = Effect.fnUntraced(function* (part: ForgePart) {
  const { target, assignment } = part
  const forges = yield* Forges
  return {
    part,
    api: yield* forges.of(target, assignment),
    place: { webUrl: yield* forges.webUrl(target), owner: target.owner, repo: target.repo },
    named: assignment.prNumbers ?? [],
  } satisfies ReachedForge
})

/** Where the forge's own repository is behind the gate, a PR comes from what may be, and was, pushed there. */
const runForge = Effect.fnUntraced(function* (
  { slug, stateDir }: SidecarDocument,
  { part, api, place, named }: ReachedForge,
  upstreams: ReadonlyArray<Upstream>,
  pushed: PushedRefs,
) {
  const own = upstreams.filter(({ url }) => isRepositoryOf(place, url))
  const push = own.length > 0 ? own.flatMap((upstream) => upstream.push) : (part.push ?? pushPatterns(slug))
  const opened = yield* file(() => readFile(prsFile(stateDir), "utf8")).pipe(orElseOn("ENOENT", ""))
  const { issueNumber, openedPrs = [], closingKeywords } = part.assignment
  const scope = RunScope.make({
    forge: api,
    issue: issueNumber,
    named,
    opened: [...openedPrs, ...(opened.match(/\d+/g) ?? []).map(Number)],
    push,
  })
  const forge: RunForge = {
    api,
    host: URL.canParse(place.webUrl) ? new URL(place.webUrl).hostname : "",
    scope,
    given: [...named, ...openedPrs],
    push,
    closing: { keywords: closingKeywords, subPath: hasSubPath(place.webUrl) },
    isPushed: (branch) => own.length === 0 || own.some(({ url }) => pushed.has(url, `refs/heads/${branch}`)),
  }
  return forge
})

/** Whether a forge is served below a path of its host; unknown counts as yes, which refuses more. */
const hasSubPath = (webUrl: string): boolean => !URL.canParse(webUrl) || new URL(webUrl).pathname !== "/"

/** Renews the file's time stamp, at most once a second; it is made at the first call. */
const openCheckIn = (path: string) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => ({ fd: -1, last: 0 })),
      ({ fd }) => Effect.sync(() => (fd === -1 ? undefined : closeSync(fd))),
    ),
    (state) =>
      Effect.suspend(() => {
        const now = Date.now()
        if (now - state.last < 1000) return Effect.void
        state.last = now
        return Effect.ignore(
          Effect.try(() => {
            if (state.fd === -1) state.fd = openSync(path, "a", 0o600)
            futimesSync(state.fd, now / 1000, now / 1000)
          }),
        )
      }),
  )

/** Whether the process runs that leads the agent; not, where a connection tells it. */
const agentRuns = ({ runner }: SidecarDocument): Effect.Effect<boolean, never, Processes> =>
  runner === undefined
    ? Effect.succeed(false)
    : file(() => readFile(runner, "utf8")).pipe(
        Effect.flatMap(Schema.decode(Schema.parseJson(ProcessIdentity))),
        Effect.flatMap((leader) => Effect.flatMap(Processes, ({ isAlive }) => isAlive(leader))),
        Effect.orElseSucceed(() => false),
      )

const BEFORE_FIRST_CONNECTION = 6

/** How soon a sidecar whose bottle was destroyed while it began to serve finds that out. */
const LOOK_MS = 1000

/**
 * Returns when nobody has been connected for so long, no watcher has asked and no agent runs, or when the socket's
 * name is no longer ours: then nobody can find it again.
 */
const untilUseless = (options: {
  readonly lastConnected: () => number | undefined
  /** When the control socket was last asked, in milliseconds: a watcher asks every few seconds. */
  readonly askedAt: () => number
  readonly hasName: Effect.Effect<boolean>
  /** Whether an agent is known to run. */
  readonly agentRuns: Effect.Effect<boolean>
  readonly idleMs: number
}): Effect.Effect<void> => {
  const { lastConnected, askedAt, hasName, agentRuns, idleMs } = options
  const startedAt = Date.now()
  let ranAt = 0
  const isUseless = Effect.gen(function* () {
    if (!(yield* hasName)) return true
    const connected = lastConnected()
    const allowed = connected === undefined && ranAt === 0 ? idleMs * BEFORE_FIRST_CONNECTION : idleMs
    if (Date.now() - Math.max(connected ?? startedAt, askedAt(), ranAt) <= allowed) return false
    if (!(yield* agentRuns)) return true
    ranAt = Date.now()
    return false
  })
  return isUseless.pipe(
    Effect.repeat({
      until: (useless) => useless,
      schedule: Schedule.spaced(Math.min(LOOK_MS, idleMs / 4)),
    }),
    Effect.asVoid,
  )
}
