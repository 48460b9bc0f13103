/** SidecarProcess launches each sidecar as a separate process that outlives this one. */
import { Effect, Layer, Option, Schema, Scope } from "effect"
import { resolve } from "node:path"
import { SidecarError } from "../../domain/Errors.ts"
import type { CallUsage } from "../../domain/ForgeCommands.ts"
import { ProcessRunner, type WaitingProcess } from "../../services/ProcessRunner.ts"
import { Forges } from "../../services/Forges.ts"
import { Secrets } from "../../services/Secrets.ts"
import { Sidecar } from "../../services/Sidecar.ts"
import type { SidecarServices } from "../../services/SidecarServices.ts"
import * as GiteaForges from "../gitea/GiteaForges.ts"
import { Home } from "../home/Home.ts"
import { packageFile } from "../home/packageRoot.ts"
import { type SidecarDocument, encodeDocument } from "../../sidecar/SidecarDocument.ts"
import { COMMAND_VARIABLES, NETWORK_VARIABLES, variablesOf } from "../secrets/commandVariables.ts"
import * as LiveSecrets from "../secrets/LiveSecrets.ts"
import { namedCalls } from "./namedCalls.ts"
import * as Records from "./records.ts"
import { makeService, type SidecarStarter } from "./SidecarService.ts"

const READY_MS = 30_000

/**
 * A sidecar holds little: a small young generation keeps it small without a measurable cost in speed. The old generation has room for
 * what room.ts allows a bottle, and is otherwise unused.
 */
const NODE_FLAGS = ["--max-semi-space-size=2", "--max-old-space-size=160"]

/** Memory holds the run's secrets, so its process never leaves a core dump, not even while node starts. */
const WITHOUT_CORE = 'ulimit -c 0; exec "$0" "$@"'

/** Whether a route's secret comes from a command, which the sidecar runs again. */
const runsCommands = ({ routes = [] }: SidecarDocument): boolean =>
  routes
    .flatMap((route) => [route, ...(route.more ?? [])])
    .some(({ source }) => source !== undefined && "command" in source)

/** The program that serves, and the extra calls that assignments list. */
export interface SidecarProcessOptions {
  /** Path of a bin that calls `run` of `bot-bottle/SidecarMain`; the package's own unless given. */
  readonly bin?: string
  /** The calls of that bin, which assignments list; the built-in calls unless given. */
  readonly calls?: ReadonlyArray<{ readonly usage: CallUsage }>
}

const specOf = (bin: string | undefined, variables: ReadonlyArray<string>) => ({
  command: "/bin/sh",
  args: [
    "-c",
    WITHOUT_CORE,
    process.execPath,
    ...NODE_FLAGS,
    bin === undefined ? packageFile("dist", "bin", "sidecar.cjs") : resolve(bin),
  ],
  env: variablesOf(variables),
  cwd: "/",
  firstLineMs: READY_MS,
})

/** Starts sidecars. At most one process waits, until the scope ends. */
const makeStarter = Effect.fnUntraced(function* (
  runner: typeof ProcessRunner.Service,
  bin: string | undefined,
): Effect.fn.Return<SidecarStarter, never, Scope.Scope> {
  const scope = yield* Effect.scope
  const one = yield* Effect.makeSemaphore(1)
  let waiting: WaitingProcess | undefined
  const taken = Effect.suspend(() => {
    const found = waiting
    waiting = undefined
    return found === undefined
      ? Effect.succeedNone
      : Effect.map(found.lives, (lives) => Option.liftPredicate(found, () => lives))
  })
  const prepare = Effect.gen(function* () {
    if (waiting !== undefined && (yield* waiting.lives)) return
    waiting = yield* Scope.extend(runner.waiting(specOf(bin, NETWORK_VARIABLES)), scope)
  }).pipe(
    Effect.uninterruptible,
    one.withPermits(1),
    // The launch that follows says what is wrong.
    Effect.ignore,
    Effect.withSpan("SidecarProcess.prepare"),
  )
  const start = Effect.fn("SidecarProcess.start")(function* (document: SidecarDocument) {
    const stdin = encodeDocument(document)
    const runs = runsCommands(document)
    // A process that waits does not have the variables of the operator's commands.
    const prepared = runs ? Option.none<WaitingProcess>() : yield* taken
    const { pid, firstLine } = yield* Option.match(prepared, {
      onNone: () => runner.detached({ ...specOf(bin, runs ? COMMAND_VARIABLES : NETWORK_VARIABLES), stdin }),
      onSome: ({ feed }) => feed(stdin),
    }).pipe(
      Effect.mapError(
        ({ detail }) => new SidecarError({ slug: document.slug, operation: "launch", reason: detail }),
      ),
    )
    if (Option.isSome(readyLine(firstLine))) return
    yield* Effect.ignore(Effect.try(() => process.kill(-pid, "SIGKILL")))
    return yield* new SidecarError({
      slug: document.slug,
      operation: "launch",
      reason: `its first line on stdout is not the ready message: ${JSON.stringify(firstLine.slice(0, 200))}`,
    })
  })
  return { prepare, start }
})

/** A bin that prints anything else is not serving yet, and may never do so. */
const readyLine = Schema.decodeOption(Schema.parseJson(Schema.Struct({ ready: Schema.Literal(true) })))

const launcher = (bin: string | undefined): Layer.Layer<Sidecar, never, ProcessRunner | Forges> =>
  Layer.scoped(
    Sidecar,
    Effect.gen(function* () {
      const home = yield* Home
      const starter = yield* makeStarter(yield* ProcessRunner, bin)
      return makeService(home, starter, yield* Forges, yield* Secrets)
    }),
  ).pipe(Layer.provide(LiveSecrets.layer))

/**
 * Sidecars as processes, and their files in the home. The provided kinds of forge are for this process, for example to revoke keys.
 * Your own bin decides which kinds its sidecars support.
 */
export const layerWith = ({
  bin,
  calls,
}: SidecarProcessOptions): Layer.Layer<SidecarServices, never, ProcessRunner | Forges> =>
  Layer.mergeAll(launcher(bin), Records.layer, namedCalls(calls))

/** The same with this package's bin, whose sidecars support Gitea. */
export const layerOver: Layer.Layer<SidecarServices, never, ProcessRunner | Forges> = layerWith({})

/** Sidecars as processes over Gitea, found again by their control sockets, and their files. */
export const layer: Layer.Layer<SidecarServices, never, ProcessRunner> = Layer.provide(
  layerOver,
  GiteaForges.layer,
)
