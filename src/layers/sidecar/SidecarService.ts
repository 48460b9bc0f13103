/** What the Sidecar service does in the same way however a sidecar is launched: by its control socket and the files it leaves. */
import { Effect, Option, Schema } from "effect"
import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises"
import { join } from "node:path"
import { SidecarError } from "../../domain/Errors.ts"
import { Slug } from "../../domain/Slug.ts"
import type { ForgesApi } from "../../services/Forges.ts"
import { Sidecar, type SidecarConfig, type SidecarHandle } from "../../services/Sidecar.ts"
import { leftRuns, removeLeftRun } from "../bottle/leftRuns.ts"
import { ensureRunDirectory, removeRunDirectory } from "../bottle/runDirectory.ts"
import { Home, type HomeShape } from "../home/Home.ts"
import { controlOf } from "../runner/control.ts"
import { askStatus, askStop } from "../../sidecar/http/control.ts"
import { type FileFailure, file, orElseOn } from "../../sidecar/record/files.ts"
import { gitParts } from "./gitParts.ts"
import { removeStore, unusedStores } from "../../sidecar/git/store.ts"
import type { GitPart } from "../../sidecar/git/Upstream.ts"
import { makeLeftKeys } from "./LeftKeys.ts"
import { verifyChain } from "../../sidecar/record/OperationChain.ts"
import { verifyFile } from "../../sidecar/record/verifyFile.ts"
import * as QueueDir from "../../sidecar/record/QueueDir.ts"
import type { RoutePart } from "../../sidecar/routes/Route.ts"
import { routeParts } from "./routeParts.ts"
import type { SidecarDocument } from "../../sidecar/SidecarDocument.ts"

/** Starts a sidecar for a document; done when it serves. */
export type StartSidecar = (document: SidecarDocument) => Effect.Effect<void, SidecarError>

const STOP_TIMEOUT = "15 seconds"

/** The service over a home and a way to start. */
export const makeService = (
  home: HomeShape,
  start: StartSidecar,
  forges: ForgesApi,
): typeof Sidecar.Service => {
  const { leftKeys, revokeKey, removePrivateHalves } = makeLeftKeys(home, forges)
  const places = { gitStores: home.gitStores, states: home.states }
  const handleOf = (slug: Slug): SidecarHandle => {
    const { neckSocket, controlSocket } = home.of(slug)
    return {
      slug,
      socketPath: neckSocket,
      alive: Effect.map(
        askStatus(controlSocket),
        Option.exists((status) => status.slug === slug),
      ),
      stop: stop(slug, controlSocket),
    }
  }
  const find = Effect.fn("Sidecar.find")(function* (slug: Slug) {
    const handle = handleOf(slug)
    return (yield* handle.alive) ? Option.some(handle) : Option.none()
  })
  const lines = (slug: Slug) =>
    file(() => readFile(home.of(slug).operations, "utf8")).pipe(
      orElseOn("ENOENT", ""),
      Effect.map((text) => text.split("\n").filter((line) => line !== "")),
      told(slug, "reading its operation log"),
    )
  const clear = Effect.fn("Sidecar.clear")((slug: Slug) =>
    Effect.provideService(removeRunDirectory(slug), Home, home).pipe(
      Effect.mapError(
        ({ reason, cause }) =>
          new SidecarError({ slug, operation: "removing its run directory", reason, cause }),
      ),
    ),
  )
  return {
    variables: forges.variables,
    check: Effect.fn("Sidecar.check")(function* (config: SidecarConfig) {
      yield* routeParts(config)
      yield* gitParts(config)
    }),
    launch: Effect.fn("Sidecar.launch")(function* (config: SidecarConfig) {
      const document = documentOf(home, config, {
        routes: yield* routeParts(config),
        git: yield* gitParts(config),
      })
      yield* makeDirectories(home, config.slug)
      yield* start(document)
      return handleOf(config.slug)
    }),
    find,
    list: Effect.suspend(() => found(home, handleOf)),
    events: (slug) => QueueDir.events(home.of(slug).queue, slug),
    append: (event) => QueueDir.append(home.of(event.slug).queue, event),
    settle: (slug, number) => QueueDir.settle(home.of(slug).queue, slug, number),
    lastCheckin: Effect.fn("Sidecar.lastCheckin")(function* (slug: Slug) {
      const status = yield* file(() => stat(home.of(slug).checkin)).pipe(
        Effect.asSome,
        orElseOn("ENOENT", Option.none()),
        told(slug, "reading its check-in"),
      )
      return Option.map(status, ({ mtime }) => mtime.toISOString())
    }),
    verifyLog: Effect.fn("Sidecar.verifyLog")(function* (slug: Slug) {
      return yield* verifyFile(home.of(slug).operations).pipe(
        orElseOn("ENOENT", verifyChain([])),
        told(slug, "reading its operation log"),
      )
    }),
    log: Effect.fn("Sidecar.log")(lines),
    leftKeys,
    revokeKey,
    unusedStores: Effect.suspend(() => told("*", "looking for stores of objects")(unusedStores(places))),
    removeStore: Effect.fn("Sidecar.removeStore")((name: string) =>
      told("*", "removing a store of objects")(removeStore(places, name)),
    ),
    leftRuns: Effect.fn("Sidecar.leftRuns")(function* (slugs: ReadonlyArray<Slug>) {
      const left = yield* told("*", "looking for run directories")(leftRuns(home, slugs))
      return yield* Effect.filter(left, ({ name }) =>
        Effect.map(askStatus(join(home.runRoot, name, "control.sock")), Option.isNone),
      )
    }),
    removeRun: (name) => told("*", "removing a run directory")(removeLeftRun(home, name)),
    clear,
    forget: Effect.fn("Sidecar.forget")(function* (slug: Slug) {
      yield* removePrivateHalves(slug)
      yield* clear(slug)
      const { state } = home.of(slug)
      yield* file(() => rm(state, { recursive: true, force: true, maxRetries: 5 })).pipe(
        told(slug, "removing its state"),
      )
    }),
  }
}

/** A run directory tells its slug by the sidecar that serves it: its own name cannot be read back. */
const found = Effect.fn("Sidecar.list")(function* (home: HomeShape, handleOf: (slug: Slug) => SidecarHandle) {
  const names = yield* file(() => readdir(home.runRoot)).pipe(
    orElseOn("ENOENT", []),
    told("*", "looking for sidecars"),
  )
  const all = yield* Effect.forEach(
    names,
    (name) => {
      const socket = join(home.runRoot, name, "control.sock")
      return Effect.all({
        status: Effect.map(askStatus(socket), Option.getOrUndefined),
        since: Effect.orElseSucceed(
          Effect.map(
            file(() => stat(socket)),
            ({ mtimeMs }) => mtimeMs,
          ),
          () => 0,
        ),
      })
    },
    { concurrency: 8 },
  )
  return all.flatMap(({ status, since }) => {
    const slug = status?.slug
    return Schema.is(Slug)(slug) ? [{ ...handleOf(slug), since }] : []
  })
})

const told =
  (slug: string, operation: string) =>
  <A>(effect: Effect.Effect<A, FileFailure>): Effect.Effect<A, SidecarError> =>
    Effect.mapError(
      effect,
      ({ cause, code }) =>
        new SidecarError({
          slug,
          operation,
          reason: code === "" ? "a file could not be used" : `a file could not be used (${code})`,
          cause,
        }),
    )

const documentOf = (
  home: HomeShape,
  { slug, egress, loopback, run, limits, forge, push }: SidecarConfig,
  {
    routes,
    git,
  }: {
    readonly routes: ReadonlyArray<RoutePart>
    readonly git: ReadonlyArray<GitPart>
  },
): SidecarDocument => {
  const { neckSocket, controlSocket, state, keys } = home.of(slug)
  return {
    slug,
    socketPath: neckSocket,
    controlPath: controlSocket,
    stateDir: state,
    made: true,
    ...(run === undefined ? {} : { run }),
    ...(limits === undefined ? {} : { limits }),
    ...(forge === undefined ? {} : { forge: { ...forge, ...(push.length > 0 && { push }) } }),
    ...(egress.allow.length === 0 ? {} : { egress }),
    ...(routes.length === 0 ? {} : { routes }),
    ...(git.length === 0 ? {} : { git, gitStores: home.gitStores }),
    ...(git.some(({ deployKey }) => deployKey !== undefined)
      ? { keys: { ledger: home.keyLedger, directory: keys } }
      : {}),
    ...(loopback ? { loopback, runner: controlOf("host", home, slug).runner } : {}),
  }
}

const launchFailed = (slug: Slug, reason: string, cause?: unknown) =>
  new SidecarError({ slug, operation: "launch", reason, ...(cause === undefined ? {} : { cause }) })

const makeDirectories = (home: HomeShape, slug: Slug): Effect.Effect<void, SidecarError> =>
  ensureRunDirectory(slug).pipe(
    Effect.provideService(Home, home),
    Effect.mapError((error) => launchFailed(slug, error.reason)),
    Effect.zipRight(
      file(() => mkdir(home.of(slug).state, { recursive: true, mode: 0o700 })).pipe(
        told(slug, "making its state directory"),
      ),
    ),
    Effect.asVoid,
  )

/** Asks until nobody answers: a sidecar that is gone was stopped. */
const stop = (slug: Slug, controlSocket: string): Effect.Effect<void, SidecarError> =>
  askStop(controlSocket).pipe(
    Effect.interruptible,
    Effect.timeoutFail({
      duration: STOP_TIMEOUT,
      onTimeout: () =>
        new SidecarError({
          slug,
          operation: "stop",
          reason: `it did not end within ${STOP_TIMEOUT}: end the process that listens at ${controlSocket}`,
        }),
    }),
    Effect.asVoid,
    Effect.withSpan("Sidecar.stop"),
  )
