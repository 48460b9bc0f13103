/** serve: one sidecar, from its document to open sockets. Its scope closes everything in reverse order. */
import { Deferred, Effect, Either, Layer } from "effect"
import type { Scope } from "effect"
import { appendFile, mkdir, stat } from "node:fs/promises"
import { dirname, join } from "node:path"
import { SidecarError } from "../domain/Errors.ts"
import { allowList } from "../domain/AllowList.ts"
import { meterFile } from "../domain/usage/MeterLine.ts"
import { pricesWith } from "../domain/usage/publishedPrices.ts"
import { Forges } from "../services/Forges.ts"
import type { ProcessRunner } from "../services/ProcessRunner.ts"
import { Processes } from "../services/Processes.ts"
import { SecretScanner } from "../services/SecretScanner.ts"
import type { Secrets } from "../services/Secrets.ts"
import { makeAsking } from "./forge/asking.ts"
import { serveControl } from "./http/control.ts"
import type { ForgeCall } from "./forge/ForgeCall.ts"
import { builtIn } from "./forge/calls/index.ts"
import { serveCalls } from "./forge/ServedCalls.ts"
import { makeEgress } from "./egress/Egress.ts"
import { file, ensureDirectory } from "../files/files.ts"
import { neverApproved } from "./git/approval.ts"
import { openPushed } from "./git/pushed.ts"
import { upstreamForge } from "./git/UpstreamForge.ts"
import { serveUpstreams } from "./git/serveUpstreams.ts"
import { socketGate } from "./http/gates.ts"
import { isOurs, listenUnix } from "./http/listenUnix.ts"
import { withDeployKeys } from "./keys/withDeployKeys.ts"
import { agentRuns, untilUseless } from "./lifetime.ts"
import { serveLoopback } from "./loopback.ts"
import { withNamedHeads } from "./git/namedHeads.ts"
import { makeNeck } from "./NeckServer.ts"
import * as CheckIn from "./record/CheckIn.ts"
import * as Meter from "./record/Meter.ts"
import { TRACE_OP } from "../domain/OperationLine.ts"
import * as OperationLog from "./record/OperationLog.ts"
import * as Queue from "./record/Queue.ts"
import * as Requests from "./record/Requests.ts"
import { makeCredentials } from "./routes/credentials.ts"
import { repeatsSecret } from "./routes/echo.ts"
import { makeRoutes } from "./routes/RouteCalls.ts"
import { meterModelCalls } from "./routes/meteredCalls.ts"
import { moreBudget, useLimitsOf } from "./routes/budget.ts"
import { watchModelCalls } from "./routes/modelCalls.ts"
import { secretsOf } from "./secrets.ts"
import { makeKeeper, openCounts, reportLimit } from "./forge/limits.ts"
import type { ServedDocument } from "./SidecarDocument.ts"
import { plansFile, prsFile, reachForge, runForge } from "./runForge.ts"
import { Settings, SidecarSettings, type SidecarTimes } from "./SidecarSettings.ts"

/** What a sidecar needs from its machine. */
export type SidecarNeeds = Forges | ProcessRunner | Processes | SecretScanner | Secrets

/** How a sidecar differs from others. */
export interface SidecarOptions extends SidecarTimes {
  /** The calls at its neck; the built-in calls unless given. `[...builtIn, mine]` adds one. */
  readonly calls?: ReadonlyArray<ForgeCall>
}

/** A sidecar that serves a neck. */
export interface RunningSidecar {
  /** Returns when it was asked to stop, was idle too long, or lost its socket. */
  readonly ended: Effect.Effect<void>
}

/** Serves a document until the scope closes, and then finishes calls in flight. */
export const serve = (
  document: ServedDocument,
  options: SidecarOptions = {},
): Effect.Effect<RunningSidecar, SidecarError, SidecarNeeds | Scope.Scope> =>
  Effect.gen(function* () {
    const { calls = builtIn, ...times } = options
    const { stateDir } = document
    yield* directories(document)
    const control = yield* openControl(document)
    const settings = Layer.succeed(SidecarSettings, Settings.make({ ...document.settings, ...times }))
    const log = OperationLog.layer(join(stateDir, "operations.jsonl"))
    const parts = yield* Layer.build(
      Layer.mergeAll(
        settings,
        log,
        Layer.provide(Requests.layer(document), log),
        Queue.layer(join(stateDir, "queue")),
        CheckIn.layer(join(stateDir, "checkin")),
      ),
    )
    yield* Effect.provide(serveNeck(document, calls, control), parts)
    return { ended: Deferred.await(control.ended) }
  }).pipe(
    Effect.catchTags({
      ListenFailure: ({ reason, cause }) => failed(document, reason, cause),
      ForgeConfigInvalid: ({ message }) => failed(document, message, undefined),
      KeyFailure: ({ reason }) => failed(document, reason, undefined),
      LogUnwritable: ({ cause }) => failed(document, "its operation log could not be opened", cause),
      MeterUnusable: ({ cause }) => failed(document, "the file of its meter could not be opened", cause),
      FileFailure: ({ code, cause }) =>
        failed(document, `its directories could not be used (${code})`, cause),
    }),
  )

/** Who uses the sidecar, and when it ends. */
interface Control {
  readonly ended: Deferred.Deferred<void>
  readonly state: { ready: boolean; askedAt: number }
}

const openControl = Effect.fnUntraced(function* ({ slug, socketPath, controlPath }: ServedDocument) {
  const control: Control = { ended: yield* Deferred.make<void>(), state: { ready: false, askedAt: 0 } }
  const { ended, state } = control
  if (controlPath !== undefined) {
    yield* serveControl(
      controlPath,
      () => {
        state.askedAt = Date.now()
        return { slug, pid: process.pid, ready: state.ready, socketPath }
      },
      () => Deferred.unsafeDone(ended, Effect.void),
    )
  }
  return control
})

/** Assembles the handlers behind a neck, and opens it. */
const serveNeck = Effect.fnUntraced(function* (
  given: ServedDocument,
  table: ReadonlyArray<ForgeCall>,
  { ended, state }: Control,
) {
  const { slug, socketPath, controlPath, stateDir } = given
  const { idleMs, scanMs } = yield* SidecarSettings
  const log = yield* OperationLog.OperationLog
  const queue = yield* Queue.Queue
  const requests = yield* Requests.Requests
  if (given.traceparent !== undefined)
    yield* log.append({ op: TRACE_OP, target: "", outcome: "ok", durationMs: 0, detail: given.traceparent })
  const document = yield* withDeployKeys(given)
  const keeper = yield* keeperOf(document)
  const meter = yield* Meter.open({
    path: join(stateDir, meterFile(document.run ?? 1)),
    limits: useLimitsOf(document.limits),
    reached: keeper.reached,
  })
  const scanner = yield* (yield* SecretScanner).make({
    secrets: yield* secretsOf(document),
    workDirectory: stateDir,
    progressMs: scanMs,
  })
  const { forge: part, routes } = document
  const made = part && (yield* reachForge(part, plansFile(stateDir)))
  const upstreams = made ? yield* withNamedHeads(document.git, made) : document.git
  const pushed = yield* openPushed(join(stateDir, "pushed"))
  const forge = made && (yield* runForge(document, made, [...upstreams.values()], pushed))
  const forgeOf = upstreamForge(made?.place, forge)
  const git = yield* serveUpstreams({
    document,
    upstreams,
    scanner,
    pushed,
    forgeOf,
    approval: made?.approval ?? neverApproved,
  })
  const calls = yield* serveCalls(table, {
    slug,
    log,
    forge,
    propose: git.propose,
    scanText: scanner.scanText,
    keeper,
    asking: makeAsking({
      requests,
      run: document.run ?? 1,
      repositories: [...upstreams.values()],
      checkIn: yield* CheckIn.CheckIn,
      ending: Deferred.await(ended),
    }),
    notice: meter.notice,
    tell: queue.append,
    syncLog: log.sync,
    remember: (pr) => Effect.ignore(file(() => appendFile(prsFile(stateDir), `${pr}\n`, { mode: 0o600 }))),
  }).pipe(Either.mapLeft((reason) => failed(document, reason, undefined)))
  const { repeats, learn } = repeatsSecret([...routes.values()])
  const credentialsOf = yield* makeCredentials(routes, (credential, secret) =>
    Effect.zipRight(
      scanner.learn(secret),
      Effect.sync(() => learn(credential, secret)),
    ),
  )
  const neck = yield* makeNeck({
    calls,
    serveRoute: yield* makeRoutes(
      { routes, credentialsOf, repeats },
      watchModelCalls({ slug, run: document.run ?? 1 }, queue.append),
      meterModelCalls(meter, pricesWith(document.prices), yield* moreBudget(meter, requests)),
    ),
    serveGit: git.serve,
    egress: yield* makeEgress(allowList(document.egress?.allow ?? []), meter.hostUsed),
    keeper,
  })
  // Never the neck's own directory: the backend clears it while we start, and the bottle can read it.
  const workDirectory = dirname(controlPath ?? socketPath)
  const server = yield* neck.server(socketGate)
  const { ino } = yield* listenUnix(server, socketPath, 0o666, workDirectory)
  if (document.loopback === true)
    yield* serveLoopback(neck, join(dirname(socketPath), "loopback"), [...routes.keys()], workDirectory)
  // Runs before calls in flight are waited for: some of them wait for this.
  yield* Effect.addFinalizer(() => Deferred.succeed(ended, undefined))
  state.ready = true
  const useless = untilUseless({
    lastConnected: neck.lastConnected,
    askedAt: () => state.askedAt,
    hasName: isOurs(socketPath, ino),
    agentRuns: Effect.provideService(agentRuns(given), Processes, yield* Processes),
    idleMs,
  })
  yield* Effect.forkScoped(Effect.zipRight(useless, Deferred.succeed(ended, undefined)))
})

const failed = ({ slug }: ServedDocument, reason: string, cause: unknown) =>
  new SidecarError({ slug, operation: "serve", reason, cause })

/**
 * Creates missing directories, unless the launcher has created them. A bottle may have been destroyed since then, if the launcher was
 * killed: nobody would remove what is created now.
 */
const directories = Effect.fnUntraced(function* ({
  socketPath,
  controlPath,
  stateDir,
  made,
}: ServedDocument) {
  if (made === true) {
    const paths = [stateDir, dirname(socketPath), dirname(controlPath ?? socketPath)]
    return yield* Effect.forEach(paths, (path) => file(() => stat(path)), { discard: true })
  }
  yield* ensureDirectory(stateDir)
  yield* file(() => mkdir(dirname(socketPath), { recursive: true, mode: 0o755 }))
  if (controlPath !== undefined) yield* ensureDirectory(dirname(controlPath))
})

/** The limits of the run. Each reached limit has a line in the log, and an event for the operator. */
const keeperOf = Effect.fnUntraced(function* ({ slug, stateDir, run = 1, limits }: ServedDocument) {
  const log = yield* OperationLog.OperationLog
  const queue = join(stateDir, "queue")
  const counts = yield* openCounts(join(stateDir, "counts"), run, log.size)
  const keeper = yield* makeKeeper({
    limits,
    counts,
    logIsFull: log.isFull,
    report: (limit, value) => reportLimit(log, queue, { slug, run, limit, value }),
  })
  log.limit(counts.logStart + keeper.limits.logBytes)
  return keeper
})
