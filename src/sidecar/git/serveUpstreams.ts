/** The git gate of one sidecar: where its repositories lie, how upstreams are reached, and within which limits. */
import { Effect } from "effect"
import type { Scope } from "effect"
import { join } from "node:path"
import { canPinAddresses } from "../../domain/GitVersion.ts"
import { ProcessRunner } from "../../services/ProcessRunner.ts"
import type { SecretScannerApi } from "../../services/SecretScanner.ts"
import { gitSpec } from "../../domain/HardenedGit.ts"
import { operatorProxies } from "../outside/operatorProxy.ts"
import { Resolver } from "../outside/Resolver.ts"
import type { OperationLog } from "../record/OperationLog.ts"
import { type Git, type GitOptions, makeGit } from "./GitCalls.ts"
import type { PushedRefs } from "./pushed.ts"
import type { Upstream } from "./Upstream.ts"

/** What the gate is made from. */
export interface UpstreamsOptions {
  readonly document: {
    readonly slug: string
    readonly stateDir: string
    readonly gitStores?: string | undefined
  }
  readonly upstreams: ReadonlyMap<string, Upstream>
  readonly scanner: SecretScannerApi
  readonly log: OperationLog
  readonly checkIn: Effect.Effect<void>
  readonly pushed: PushedRefs
  readonly forgeOf: GitOptions["forgeOf"]
  readonly times: {
    readonly gitProgressMs?: number
    readonly gitBodyMax?: number
    readonly gitInspectMs?: number
  }
}

const BODY_BYTES_MAX = 100 * 1024 * 1024
const PROGRESS_MS = 15_000
const INSPECT_MS = 300_000

/** Makes the gate. */
export const serveUpstreams = (
  options: UpstreamsOptions,
): Effect.Effect<Git, never, ProcessRunner | Scope.Scope> =>
  Effect.gen(function* () {
    const { document, upstreams, scanner, log, checkIn, pushed, forgeOf, times } = options
    const runner = yield* ProcessRunner
    const certificates = process.env["SSL_CERT_FILE"]
    return yield* makeGit({
      runner,
      resolve: yield* Resolver,
      proxyFor: yield* operatorProxies,
      canPin: yield* Effect.cached(knowsAddresses(runner)),
      slug: document.slug,
      directory: join(document.stateDir, "git"),
      storesDirectory: document.gitStores ?? join(document.stateDir, "git-stores"),
      progressMs: times.gitProgressMs ?? PROGRESS_MS,
      env: certificates === undefined ? {} : { GIT_SSL_CAINFO: certificates },
      upstreams,
      scanner,
      log,
      checkIn,
      pushed,
      forgeOf,
      inspectMs: times.gitInspectMs ?? INSPECT_MS,
      bodyMax: times.gitBodyMax ?? BODY_BYTES_MAX,
    })
  })

const knowsAddresses = (runner: typeof ProcessRunner.Service): Effect.Effect<boolean> =>
  runner.run(gitSpec({ args: ["version"] })).pipe(
    Effect.map(({ stdout }) => canPinAddresses(stdout)),
    Effect.orElseSucceed(() => false),
  )
