/** Starts the processes of sidecars, now or ahead of their launch. */
import { Effect, Option, Schema, Scope } from "effect"
import { SidecarError } from "../../domain/Errors.ts"
import type { ProcessRunner, WaitingProcess } from "../../services/ProcessRunner.ts"
import { type SidecarDocument, encodeDocument } from "../../sidecar/SidecarDocument.ts"
import { COMMAND_VARIABLES, NETWORK_VARIABLES, variablesOf } from "../secrets/commandVariables.ts"
import type { SidecarProgram } from "./sidecarProgram.ts"
import type { SidecarStarter } from "./SidecarService.ts"

const READY_MS = 30_000

/**
 * A sidecar holds little: a small young generation keeps it small without a measurable cost in speed. The old generation has room for
 * what room.ts allows a bottle, and is otherwise unused.
 */
export const NODE_FLAGS = ["--max-semi-space-size=2", "--max-old-space-size=160"]

/** Memory holds the run's secrets, so its process never leaves a core dump, not even while node starts. */
const WITHOUT_CORE = 'ulimit -c 0; exec "$0" "$@"'

/**
 * How node ends when it cannot start from a snapshot: exit codes 1 and 14, or by ILL, TRAP, ABRT, BUS or SEGV. A sidecar that ends in
 * another way has failed itself, or was ended by somebody. https://nodejs.org/docs/latest-v20.x/api/process.html#exit-codes
 */
const SNAPSHOT_FAILED = new Set<number | undefined>([1, 14, 132, 133, 134, 135, 139])

/** Whether a route's secret comes from a command, which the sidecar runs again. */
const runsCommands = ({ routes = [] }: SidecarDocument): boolean =>
  routes
    .flatMap((route) => [route, ...(route.more ?? [])])
    .some(({ source }) => source !== undefined && "command" in source)

const specOf = (program: ReadonlyArray<string>, variables: ReadonlyArray<string>) => ({
  command: "/bin/sh",
  args: ["-c", WITHOUT_CORE, process.execPath, ...NODE_FLAGS, ...program],
  env: variablesOf(variables),
  cwd: "/",
  firstLineMs: READY_MS,
})

/** Starts sidecars of a program. At most one process waits, until the scope ends. */
export const makeStarter = Effect.fnUntraced(function* (
  runner: typeof ProcessRunner.Service,
  { plain, fast, making, forget }: SidecarProgram,
): Effect.fn.Return<SidecarStarter, never, Scope.Scope> {
  const scope = yield* Effect.scope
  const makeSnapshot = Effect.flatten(making).pipe(
    Effect.flatMap((spec) => runner.detached(spec)),
    Effect.ignore,
  )
  const program = Effect.flatMap(
    fast,
    Option.match({ onNone: () => Effect.as(makeSnapshot, plain), onSome: Effect.succeed }),
  )
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
    waiting = yield* Scope.extend(runner.waiting(specOf(yield* program, NETWORK_VARIABLES)), scope)
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
    const begin = (chosen: ReadonlyArray<string>) =>
      runner.detached({ ...specOf(chosen, runs ? COMMAND_VARIABLES : NETWORK_VARIABLES), stdin })
    const fresh = Effect.flatMap(program, (chosen) =>
      Effect.catchIf(
        begin(chosen),
        ({ exitCode }) => chosen !== plain && SNAPSHOT_FAILED.has(exitCode),
        () => Effect.zipLeft(begin(plain), forget),
      ),
    )
    const { pid, firstLine } = yield* Option.match(prepared, {
      onNone: () => fresh,
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
