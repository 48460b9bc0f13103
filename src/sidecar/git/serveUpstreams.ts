/** The git gate of one sidecar: paths of its repositories, how to reach upstreams, and its limits. */
import { Effect } from "effect"
import type { Scope } from "effect"
import { join } from "node:path"
import { canPinAddresses } from "../../domain/GitVersion.ts"
import { once } from "../../services/once.ts"
import { ProcessRunner } from "../../services/ProcessRunner.ts"
import type { SecretScannerApi } from "../../services/SecretScanner.ts"
import { gitSpec } from "../../domain/HardenedGit.ts"
import { operatorProxies } from "../outside/operatorProxy.ts"
import { Resolver } from "../outside/Resolver.ts"
import { CheckIn } from "../record/CheckIn.ts"
import { OperationLog } from "../record/OperationLog.ts"
import { Requests } from "../record/Requests.ts"
import { SidecarSettings } from "../SidecarSettings.ts"
import { withoutApproved } from "./approvedPaths.ts"
import { type Git, type GitOptions, makeGit } from "./GitCalls.ts"
import type { PushedRefs } from "./pushed.ts"
import type { Upstream } from "./Upstream.ts"

/** Inputs of the gate. */
export interface UpstreamsOptions {
  readonly document: {
    readonly slug: string
    readonly stateDir: string
    readonly gitStores?: string | undefined
  }
  readonly upstreams: ReadonlyMap<string, Upstream>
  readonly scanner: SecretScannerApi
  readonly pushed: PushedRefs
  readonly forgeOf: GitOptions["forgeOf"]
  readonly approval: GitOptions["approval"]
}

/** Makes the gate. */
export const serveUpstreams = (
  options: UpstreamsOptions,
): Effect.Effect<Git, never, OperationLog | CheckIn | ProcessRunner | Requests | Scope.Scope> =>
  Effect.gen(function* () {
    const { document, upstreams, scanner, pushed, forgeOf, approval } = options
    const settings = yield* SidecarSettings
    const runner = yield* ProcessRunner
    const certificates = process.env["SSL_CERT_FILE"]
    return yield* makeGit({
      runner,
      resolve: yield* Resolver,
      proxyFor: yield* operatorProxies,
      canPin: yield* once(knowsAddresses(runner)),
      slug: document.slug,
      directory: join(document.stateDir, "git"),
      storesDirectory: document.gitStores ?? join(document.stateDir, "git-stores"),
      progressMs: settings.gitProgressMs,
      withoutApproved: withoutApproved(yield* Requests),
      env: certificates === undefined ? {} : { GIT_SSL_CAINFO: certificates },
      upstreams,
      scanner,
      log: yield* OperationLog,
      checkIn: yield* CheckIn,
      pushed,
      forgeOf,
      approval,
      inspectMs: settings.gitInspectMs,
      bodyMax: settings.gitBodyMax,
    })
  })

const knowsAddresses = (runner: typeof ProcessRunner.Service): Effect.Effect<boolean> =>
  runner.run(gitSpec({ args: ["version"] })).pipe(
    Effect.map(({ stdout }) => canPinAddresses(stdout)),
    Effect.orElseSucceed(() => false),
  )
