/** The parts of the Sidecar service that do not depend on how a sidecar is launched: its document before, its control socket after. */
import { Effect, Option, Schema } from "effect"
import { stat } from "node:fs/promises"
import { join } from "node:path"
import { SidecarError } from "../../domain/Errors.ts"
import { Slug } from "../../domain/Slug.ts"
import type { PriceTable } from "../../domain/usage/Prices.ts"
import type { ForgesApi } from "../../services/Forges.ts"
import { Secrets } from "../../services/Secrets.ts"
import { Sidecar, type SidecarConfig, type SidecarHandle } from "../../services/Sidecar.ts"
import { ensureRunDirectory } from "../bottle/runDirectory.ts"
import { Home, type HomeShape } from "../home/Home.ts"
import { controlOf } from "../supervisor/control.ts"
import { askStatus, askStop } from "../../sidecar/http/control.ts"
import { file, namesIn, ensureDirectory } from "../../files/files.ts"
import { ownPrices } from "../manifests/ownPrices.ts"
import { fileFailed } from "./fileFailed.ts"
import { gitParts } from "./gitParts.ts"
import type { GitPart } from "../../sidecar/git/Upstream.ts"
import type { RoutePart } from "../../sidecar/routes/Route.ts"
import { routeParts } from "./routeParts.ts"
import type { SidecarDocument } from "../../sidecar/SidecarDocument.ts"

/** How sidecars are started. */
export interface SidecarStarter {
  /** See `Sidecar.prepare`. */
  readonly prepare: Effect.Effect<void>
  /** Starts a sidecar for a document. Completes when it serves. */
  readonly start: (document: SidecarDocument) => Effect.Effect<void, SidecarError>
}

const STOP_TIMEOUT = "15 seconds"

/** The service over a home and a way to start sidecars. */
export const makeService = (
  home: HomeShape,
  { prepare, start }: SidecarStarter,
  forges: ForgesApi,
  secrets: typeof Secrets.Service,
): typeof Sidecar.Service => {
  const routesOf = (config: SidecarConfig) => Effect.provideService(routeParts(config), Secrets, secrets)
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
  return {
    variables: forges.variables,
    webUrl: forges.webUrl,
    check: Effect.fn("Sidecar.check")(function* (config: SidecarConfig) {
      yield* routesOf(config)
      yield* gitParts(config)
      yield* pricesFor(home, config)
    }),
    prepare,
    launch: Effect.fn("Sidecar.launch")(function* (config: SidecarConfig) {
      const document = documentOf(home, config, {
        routes: yield* routesOf(config),
        git: yield* gitParts(config),
        prices: yield* pricesFor(home, config),
      })
      yield* makeDirectories(home, config.slug)
      yield* start(document)
      return handleOf(config.slug)
    }),
    find,
    list: Effect.suspend(() => found(home, handleOf)),
  }
}

/** The slug of a run directory comes from the sidecar that serves it: the directory's name does not reveal it. */
const found = Effect.fn("Sidecar.list")(function* (home: HomeShape, handleOf: (slug: Slug) => SidecarHandle) {
  const names = yield* namesIn(home.runRoot).pipe(fileFailed("*", "looking for sidecars"))
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

const documentOf = (
  home: HomeShape,
  { slug, egress, approvals, loopback, run, limits, forge, push, traceparent }: SidecarConfig,
  {
    routes,
    git,
    prices,
  }: {
    readonly routes: ReadonlyArray<RoutePart>
    readonly git: ReadonlyArray<GitPart>
    readonly prices: PriceTable
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
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(forge === undefined ? {} : { forge: { ...forge, ...(push.length > 0 && { push }) } }),
    ...(approvals === undefined ? {} : { approvals }),
    ...(egress.allow.length === 0 ? {} : { egress }),
    ...(routes.length === 0 ? {} : { routes }),
    ...(Object.keys(prices).length === 0 ? {} : { prices }),
    ...(git.length === 0 ? {} : { git, gitStores: home.gitStores }),
    ...(git.some(({ deployKey }) => deployKey !== undefined)
      ? { keys: { ledger: home.keyLedger, directory: keys } }
      : {}),
    ...(loopback ? { loopback, supervisor: controlOf("host", home, slug).supervisor } : {}),
  }
}

const pricesFor = (home: HomeShape, { slug }: SidecarConfig): Effect.Effect<PriceTable, SidecarError> =>
  Effect.mapError(ownPrices(home), ({ message }) => launchFailed(slug, message))

const launchFailed = (slug: Slug, reason: string, cause?: unknown) =>
  new SidecarError({ slug, operation: "launch", reason, ...(cause === undefined ? {} : { cause }) })

const makeDirectories = (home: HomeShape, slug: Slug): Effect.Effect<void, SidecarError> =>
  ensureRunDirectory(slug).pipe(
    Effect.provideService(Home, home),
    Effect.mapError((error) => launchFailed(slug, error.reason)),
    Effect.zipRight(
      ensureDirectory(home.of(slug).state).pipe(fileFailed(slug, "making its state directory")),
    ),
    Effect.asVoid,
  )

/** Asks until there is no response: a sidecar that is gone counts as stopped. */
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
