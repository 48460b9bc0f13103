/**
 * ChildScanner scans in child processes: our own for known secrets, and gitleaks if it is on the PATH, otherwise secretlint, for other
 * secrets by their shape.
 */
import { Deferred, Effect, Layer, Option, Queue, RcMap, Schema, Stream } from "effect"
import type { Scope } from "effect"
import { randomUUID } from "node:crypto"
import { mkdir, rm } from "node:fs/promises"
import { join } from "node:path"
import { once } from "../../services/once.ts"
import { ProcessRunner, type ProcessSpec } from "../../services/ProcessRunner.ts"
import {
  ScanFailed,
  type ScannerOptions,
  SecretScanner,
  TEXT,
  type SecretFinding,
  type SecretScannerApi,
} from "../../services/SecretScanner.ts"
import { packageFile } from "../home/packageRoot.ts"
import { frameOf } from "../../domain/ScanFrames.ts"
import { findGitleaks, scanDirectory } from "./gitleaks.ts"
import { ScanConfig, THE_END, Scanned } from "./protocol.ts"

/** How long the scanner of texts is kept after its last text. */
const KEPT_IDLE = "30 seconds"
const CHILD_HEAP_MIB = 256
/** With the version that is bundled: a test compares it. */
export const SECRETLINT = "secretlint 11.7.1"

/** Makes a scanner. Its processes end with the scope. */
export const makeScanner = (
  options: ScannerOptions,
): Effect.Effect<SecretScannerApi, never, ProcessRunner | Scope.Scope> =>
  Effect.gen(function* () {
    const runner = yield* ProcessRunner
    const { progressMs = 15_000, totalMs = 300_000 } = options
    let secrets = options.secrets
    let generation = 0
    const found = yield* once(findGitleaks(runner))
    const gitleaks = Effect.map(found, Option.isSome)
    const name = Effect.map(
      found,
      Option.getOrElse(() => SECRETLINT),
    )
    const verdictsOf = (
      config: typeof ScanConfig.Type,
      objects: Stream.Stream<Uint8Array, unknown>,
      timeoutMs?: number,
    ) =>
      Stream.unwrapScoped(
        Effect.map(runner.stream(specOf(config, objects, timeoutMs)), ({ output, exit }) =>
          output.pipe(
            Stream.filter(({ stream }) => stream === "stdout"),
            Stream.map(({ bytes }) => bytes),
            Stream.decodeText(),
            Stream.splitLines,
            Stream.mapEffect(readScanned),
            Stream.concat(Stream.drain(Stream.fromEffect(Effect.flatMap(exit, requireClean)))),
          ),
        ),
      ).pipe(Stream.mapError(toScanFailed))

    const collect = Effect.fnUntraced(function* (
      config: typeof ScanConfig.Type,
      objects: Stream.Stream<Uint8Array, unknown>,
    ) {
      const failed = yield* Deferred.make<never, ScanFailed>()
      // To the child a source that fails looks like one that ends.
      const source = Stream.tapErrorCause(objects, () =>
        Deferred.fail(failed, new ScanFailed({ reason: "the data to scan could not be read" })),
      )
      const verdicts = yield* Effect.raceFirst(
        Stream.runCollect(
          Stream.timeoutFail(
            verdictsOf(config, source, totalMs),
            () => new ScanFailed({ reason: `nothing was scanned for ${progressMs} ms` }),
            progressMs,
          ),
        ),
        Deferred.await(failed),
      )
      const all = [...verdicts]
      return all.pop()?.object === THE_END
        ? all
        : yield* new ScanFailed({ reason: "the scanner skipped part of the data" })
    })

    const scan = Effect.fn("SecretScanner.scan")(function* (objects: Stream.Stream<Uint8Array, unknown>) {
      if (!(yield* gitleaks)) return (yield* collect({ secrets, rules: true }, objects)).flatMap(findingsOf)
      return yield* Effect.scoped(
        Effect.gen(function* () {
          const directory = yield* workFolder(options.workDirectory)
          const verdicts = yield* collect({ secrets, rules: false, extractTo: directory }, objects)
          const leaks = yield* scanDirectory(runner, directory, totalMs)
          const leaked = leaks.map(({ number, line, rule, digest }): SecretFinding => ({
            object: verdicts[number]?.object ?? "",
            line,
            rule,
            digest,
          }))
          return [...verdicts.flatMap(findingsOf), ...leaked]
        }),
      )
    })

    const texts = yield* RcMap.make({
      lookup: (_generation: number) => Effect.suspend(() => textScanner(verdictsOf, secrets)),
      idleTimeToLive: KEPT_IDLE,
    })
    const scanText = Effect.fn("SecretScanner.scanText")(function* (text: string) {
      if (yield* gitleaks) return yield* scan(Stream.make(frameOf(TEXT, text)))
      const current = generation
      const forget = RcMap.invalidate(texts, current)
      return yield* Effect.scoped(Effect.flatMap(RcMap.get(texts, current), (ask) => ask(text))).pipe(
        Effect.tapError(() => forget),
        // A child that has ended since the last text is no reason to refuse this one.
        Effect.retry({ times: 1 }),
        Effect.timeoutFail({
          duration: progressMs,
          onTimeout: () => new ScanFailed({ reason: `it took more than ${progressMs} ms` }),
        }),
        Effect.tapError(() => forget),
      )
    })
    const learn = (secret: string) =>
      Effect.suspend(() => {
        secrets = [...new Set([...secrets, secret])]
        generation += 1
        // The child that scans texts knows only those before it.
        return RcMap.invalidate(texts, generation - 1)
      })
    return { name, scan, scanText, learn }
  })

/** Scanners in child processes. */
export const layer: Layer.Layer<SecretScanner, never, ProcessRunner> = Layer.effect(
  SecretScanner,
  Effect.map(ProcessRunner, (runner) => ({
    make: (options) => Effect.provideService(makeScanner(options), ProcessRunner, runner),
  })),
)

/** A child that scans texts one after the other. */
const textScanner = (
  verdictsOf: (
    config: typeof ScanConfig.Type,
    objects: Stream.Stream<Uint8Array>,
  ) => Stream.Stream<typeof Scanned.Type, ScanFailed>,
  secrets: ReadonlyArray<string>,
) =>
  Effect.gen(function* () {
    const asked = yield* Queue.unbounded<Uint8Array>()
    const waiting: Array<Deferred.Deferred<ReadonlyArray<SecretFinding>, ScanFailed>> = []
    const over = { failure: Option.none<ScanFailed>() }
    const end = (failure: ScanFailed) =>
      Effect.suspend(() => {
        over.failure = Option.some(failure)
        return Effect.forEach(waiting.splice(0), (answer) => Deferred.fail(answer, failure), {
          discard: true,
        })
      })
    yield* verdictsOf({ secrets, rules: true }, Stream.fromQueue(asked)).pipe(
      Stream.runForEach((verdict) =>
        Effect.suspend(() => {
          const answer = waiting.shift()
          return answer === undefined ? Effect.void : Deferred.succeed(answer, findingsOf(verdict))
        }),
      ),
      Effect.matchEffect({ onFailure: end, onSuccess: () => end(new ScanFailed({ reason: "it ended" })) }),
      Effect.forkScoped,
    )
    return (text: string) =>
      Effect.gen(function* () {
        if (Option.isSome(over.failure)) return yield* over.failure.value
        const answer = yield* Deferred.make<ReadonlyArray<SecretFinding>, ScanFailed>()
        waiting.push(answer)
        yield* Queue.offer(asked, frameOf(TEXT, text))
        return yield* Deferred.await(answer)
      })
  })

const specOf = (
  config: typeof ScanConfig.Type,
  objects: Stream.Stream<Uint8Array, unknown>,
  timeoutMs: number | undefined,
): ProcessSpec => ({
  command: process.execPath,
  args: [`--max-old-space-size=${CHILD_HEAP_MIB}`, packageFile("dist", "bin", "scanner.cjs")],
  cwd: "/",
  endsWithUs: true,
  stdin: Stream.concat(Stream.make(Buffer.from(`${Schema.encodeSync(ScanConfig)(config)}\n`)), objects),
  ...(timeoutMs !== undefined && { timeoutMs }),
})

const readScanned = (line: string) =>
  Effect.mapError(
    Schema.decode(Scanned)(line),
    () => new ScanFailed({ reason: "the scanner's answer could not be read" }),
  )

const requireClean = ({ exitCode }: { readonly exitCode: number }): Effect.Effect<void, ScanFailed> =>
  exitCode === 0 ? Effect.void : new ScanFailed({ reason: `the scanner ended with ${exitCode}` })

const findingsOf = ({ object, findings }: typeof Scanned.Type): ReadonlyArray<SecretFinding> =>
  findings.map(({ line, rule, digest }) => ({ object, line, rule, digest }))

const toScanFailed = (error: { readonly message: string }): ScanFailed =>
  error instanceof ScanFailed ? error : new ScanFailed({ reason: error.message })

const workFolder = (parent: string) =>
  Effect.acquireRelease(
    Effect.tryPromise({
      try: () => {
        const folder = join(parent, `scan-${randomUUID()}`)
        return mkdir(folder, { recursive: true, mode: 0o700 }).then(() => folder)
      },
      catch: () => new ScanFailed({ reason: "no space for the data to scan" }),
    }),
    (folder) => Effect.ignore(Effect.tryPromise(() => rm(folder, { recursive: true, force: true }))),
  )
