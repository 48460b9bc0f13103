/** Orchestrator: carries a forge's issues through their life in this process, as its configuration says. */
import {
  Clock,
  Context,
  Deferred,
  Effect,
  Either,
  Layer,
  Option,
  Redacted,
  Schedule,
  Scope,
  type Tracer,
} from "effect"
import type { DurationInput } from "effect/Duration"
import { hostname } from "node:os"
import { ConfigurationInvalid } from "../domain/Errors.ts"
import { type ForgeAccess, atRepository } from "../domain/ForgeTarget.ts"
import type { Configuration } from "../domain/orchestrator/Configuration.ts"
import { reportedLimits } from "../domain/orchestrator/LimitStatus.ts"
import { ServiceEvent } from "../domain/orchestrator/ServiceEvent.ts"
import { HostName } from "../domain/orchestrator/StoredOperation.ts"
import { VERSION } from "../domain/Version.ts"
import { HomeLease } from "../services/HomeLease.ts"
import { IssueStates } from "../services/IssueStates.ts"
import { LifeCycleEngine } from "../services/LifeCycleEngine.ts"
import { Operations } from "../services/Operations.ts"
import { ServiceState } from "../services/ServiceState.ts"
import { attestAll } from "../programs/attest.ts"
import { applyRetention } from "../programs/retention.ts"
import { accountOf, accountsOf, botsOf, tokenKeyOf } from "./accounts.ts"
import { attend, lookAgain, type Pause } from "./attend.ts"
import * as LocalLifeCycleEngine from "./engine/LocalLifeCycleEngine.ts"
import { openDoor } from "./http/door/Door.ts"
import { countEvent, countRefusal, countWebhook } from "./http/metrics.ts"
import { serveApi } from "./http/serveApi.ts"
import { forDependants } from "./ingest/forDependants.ts"
import { forPulls } from "./ingest/forPulls.ts"
import { Tracing, tracingBy } from "./trace/Tracing.ts"
import { deliver } from "./tell/deliver.ts"
import { type AcceptHint, listedBy } from "./ingest/webhook.ts"
import * as WebhookListener from "./ingest/WebhookListener.ts"
import { forgeOf, listingOf, servedBy } from "./served.ts"
import { ServedRepositories } from "./ServedRepositories.ts"
import * as sweeping from "./sweep/sweep.ts"
import type { SweepOptions } from "./sweep/sweepOnce.ts"
import { type Observe, tellingOperations, tellingStates } from "./telling.ts"

/** The secrets of a configuration. Each is read at each use, so a getter may return a new value. */
export interface OrchestratorSecrets {
  /** The secret of `forge.token`. */
  readonly token: Redacted.Redacted
  /** The secret of `webhook.secret`. Without it the service does not listen for webhooks, and only sweeps find changes. */
  readonly webhook?: Redacted.Redacted | undefined
  /** The secret of another key, such as `notify.0.secret` or `forge.accounts.acme/*.token`; undefined for one that was not read. */
  readonly at?: (key: string) => Redacted.Redacted | undefined
  /** What is currently wrong with one of them, for `status`. */
  readonly problem?: string | undefined
}

/** Options of the orchestrator. */
export interface OrchestratorOptions {
  readonly configuration: Configuration
  readonly secrets: OrchestratorSecrets
  /** Kind of the forge, as registered in `Forges`; `gitea` unless given. */
  readonly kind?: string
  /** Backend of new bottles; the manifest's unless given. */
  readonly backend?: string
  /** Name of this machine in the operations that it carries out; the system's host name unless given. */
  readonly host?: string
  /** How often timers and operators' requests are checked; 1 second unless given. */
  readonly poll?: DurationInput
  /** Called with each event, in order. */
  readonly observe?: Observe
  /** Receives spans of what the service does. Its own calls must not be traced. Nothing is traced unless given. */
  readonly tracer?: Tracer.Tracer
  /** Folder of the files of the dashboard, `dist/dashboard` of this package; without it operators get a page of links. */
  readonly dashboard?: string
}

/** How often statements about runs are made and signed that were left out, and what is too old is removed. */
const ATTESTED_EVERY = "10 minutes"

/** How long a service that shuts down may take to stop its work. */
const ENDING = "4 seconds"

/**
 * Serves the repositories of a configuration until its scope ends. Agents keep running after that. Fails with `HomeServed` when another
 * process serves the home, and with `ListenFailed` when it cannot listen for webhooks. The caller provides stores, forges, backends and
 * manifests.
 */
export const layer = (options: OrchestratorOptions) => Layer.scopedContext(make(options))

/** Serves until it is interrupted, and then stops within 5 seconds. Agents keep running, and the next service finishes what was begun. */
export const run = (options: OrchestratorOptions) =>
  Effect.acquireUseRelease(
    Scope.make(),
    (scope) => Effect.zipRight(Layer.buildWithScope(layer(options), scope), Effect.never),
    (scope, exit) =>
      // Unfinished work is then in the same state as after a crash: safe to repeat.
      Scope.close(scope, exit).pipe(Effect.disconnect, Effect.interruptible, Effect.timeoutOption(ENDING)),
  )

const make = Effect.fnUntraced(function* (options: OrchestratorOptions) {
  const { configuration, secrets, poll = "1 second", observe: tell = () => Effect.void } = options
  const observe: Observe = (event) => Effect.zipRight(countEvent(event), tell(event))
  const lease = yield* HomeLease
  // First, so that a second service changes nothing and says why.
  yield* lease.hold
  const pause: Pause = { isOn: Option.isSome(yield* (yield* ServiceState).pausedAt) }
  const tokenAt = (account: string) => secrets.at?.(tokenKeyOf(account))
  yield* requireTokens(configuration, tokenAt)
  const forge = forgeOf(configuration)
  const accessAs = (account: string | undefined): ForgeAccess => ({
    kind: options.kind ?? "gitea",
    apiUrl: forge,
    token: (account === undefined ? secrets.token : tokenAt(account)) ?? secrets.token,
  })
  const bots = yield* botsOf(configuration, (account) => atRepository(accessAs(account), ANY))
  const served = servedBy(configuration, {
    tokenAt,
    // Without other accounts the bot of each target is the only one.
    ...(accountsOf(configuration).length > 1 && { bots }),
    ...(options.kind !== undefined && { kind: options.kind }),
    ...(options.backend !== undefined && { backend: options.backend }),
    get token() {
      return secrets.token
    },
    get paused() {
      return pause.isOn
    },
  })
  const isListed = listedBy(served)
  const hints = yield* Deferred.make<AcceptHint>()
  const webhooks: { keptAt?: number; signedAt?: number; missignedAt?: number } = {}
  const clock = yield* Effect.clock
  // Before the engine starts, so that a port in use is detected before anything is launched.
  const listening = yield* listen(options, {
    isListed,
    accept: (hint) =>
      Deferred.await(hints).pipe(
        Effect.flatMap((keep) => keep(hint)),
        Effect.tap(() => Effect.map(Clock.currentTimeMillis, (now) => (webhooks.keptAt = now))),
        Effect.tap(() => countWebhook("stored")),
      ),
    onSigned: (byOurs) => {
      webhooks[byOurs ? "signedAt" : "missignedAt"] = clock.unsafeCurrentTimeMillis()
    },
  })
  const startedAt = yield* Clock.currentTimeMillis
  const host = HostName.make(options.host ?? hostname())
  yield* observe(ServiceEvent.Serving({ listening, paused: pause.isOn }))
  yield* Effect.forkScoped(
    Effect.repeat(
      Effect.zipRight(attestAll, applyRetention(configuration.retention)),
      Schedule.spaced(ATTESTED_EVERY),
    ),
  )
  const engine = yield* LocalLifeCycleEngine.layer({ host, poll }).pipe(
    Layer.provide(Layer.succeed(ServedRepositories, served)),
    Layer.provide(telling(observe)),
    Layer.provide(Layer.succeed(HomeLease, { hold: Effect.void })),
    Layer.provide(Layer.succeed(Tracing, Option.map(Option.fromNullable(options.tracer), tracingBy))),
    Layer.build,
    Effect.map(Context.get(LifeCycleEngine)),
  )
  const keep = yield* forDependants(engine, yield* forPulls(engine.hint))
  yield* Deferred.succeed(hints, keep)
  const sweptAs = (account: string | undefined): SweepOptions => ({
    get access() {
      return accessAs(account)
    },
    forge,
    ...(account !== undefined && { cursor: `${forge} ${account.toLowerCase()}` }),
    isListed: (repository, kind) =>
      accountOf(configuration, repository) === account && isListed(repository, kind),
    listing: listingOf(configuration),
    accept: keep,
  })
  const sweep = yield* sweeping.make(accountsOf(configuration).map(sweptAs), configuration.sweep)
  yield* Effect.forkScoped(sweep.run)
  const actsOnChecks = configuration.ciFeedback > 0 || configuration.onConflict === "resume"
  yield* lookAgain(engine, { every: configuration.sweep, actsOnChecks })
  const health = Effect.sync(() => ({
    host,
    version: VERSION,
    startedAt,
    forge,
    listening,
    ...(webhooks.keptAt !== undefined && { webhookAt: webhooks.keptAt }),
    ...(webhooks.signedAt !== undefined && { signedAt: webhooks.signedAt }),
    ...(webhooks.missignedAt !== undefined && { missignedAt: webhooks.missignedAt }),
    limits: reportedLimits(configuration),
    ...(secrets.problem !== undefined && { secret: secrets.problem }),
  }))
  yield* deliver({ configuration, served, secretAt: (key) => secrets.at?.(key), poll })
  yield* attend({
    engine,
    pause,
    sweep: sweep.status,
    health,
    observe,
    poll,
    keepHistory: configuration.retention.provenance,
  })
  return Context.make(LifeCycleEngine, engine)
})

/** `HOST:PORT` of the webhooks; null without their secret. */
const listen = Effect.fnUntraced(function* (
  { configuration, secrets, poll = "1 second", dashboard }: OrchestratorOptions,
  asked: Pick<WebhookListener.WebhookListenerOptions, "isListed" | "accept" | "onSigned">,
) {
  const operators = Object.keys(configuration.operators)
  if (secrets.webhook === undefined && operators.length === 0) return null
  const [, host = "", port = ""] = /^\[?(.*?)\]?:(\d+)$/.exec(configuration.listen) ?? []
  const bound = yield* WebhookListener.listen({
    get secret() {
      return secrets.webhook ?? NO_SECRET
    },
    forge: forgeOf(configuration),
    ...asked,
    isReady: Effect.map(Effect.either((yield* ServiceState).pausedAt), Either.isRight),
    ...(operators.length > 0 && {
      operators: yield* openDoor({
        listen: configuration.listen,
        publicUrl: configuration.publicUrl,
        tokens: () => operators.map((name) => [name, secrets.at?.(`operators.${name}.token`)] as const),
        refused: countRefusal,
        dashboard,
        answer: yield* serveApi({
          forge: forgeOf(configuration),
          timeZone: configuration.budgets.timeZone,
          poll,
        }),
      }),
    }),
    host,
    port: Number(port),
  })
  return secrets.webhook === undefined ? null : configuration.listen.replace(/\d+$/, String(bound))
})

/** A repository of no particular name: the user of a token is asked for at any. */
const ANY = { owner: "any", repo: "any" }

/** Another account's token must not be taken instead. */
const requireTokens = Effect.fnUntraced(function* (
  configuration: Configuration,
  tokenAt: (account: string) => Redacted.Redacted | undefined,
) {
  const problems = accountsOf(configuration).flatMap((account) =>
    account === undefined || tokenAt(account) !== undefined
      ? []
      : [{ file: "orchestrator.yaml", key: tokenKeyOf(account), expected: "its secret was not given" }],
  )
  if (problems.length > 0) return yield* new ConfigurationInvalid({ problems })
})

/** An empty secret, with which every webhook is refused. */
const NO_SECRET = Redacted.make("")

/** The engine's stores, wrapped so that its decisions are reported. */
const telling = (observe: Observe) =>
  Layer.merge(
    Layer.effect(
      IssueStates,
      Effect.map(IssueStates, (states) => tellingStates(states, observe)),
    ),
    Layer.effect(
      Operations,
      Effect.map(Operations, (operations) => tellingOperations(operations, observe)),
    ),
  )
