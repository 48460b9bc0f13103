/** The service of the demo: `orchestrate serve` in a separate process that can be killed. */
import * as FileSystem from "@effect/platform/FileSystem"
import { Deferred, Effect, Exit, Option, Queue, Ref, Scope, Stream } from "effect"
import { join } from "node:path"
import type { HomeShape } from "../../layers/home/Home.ts"
import { ProcessError, ProcessRunner } from "../../services/ProcessRunner.ts"
import { lines } from "./demoViews.ts"
import type { DemoForge } from "./demoForge.ts"

/** A service that can be started, and killed as in a crash. */
export interface DemoService {
  /** Starts it, and returns when it serves. Its output is shown. */
  readonly start: Effect.Effect<void, ProcessError>
  readonly kill: Effect.Effect<void>
  /**
   * Waits until it has reported that state of the bottle of each of these issues, in any order. Reports from before the end of an earlier
   * wait do not count.
   */
  readonly says: (
    state: "frozen" | "destroyed",
    ...issues: ReadonlyArray<number>
  ) => Effect.Effect<void, ProcessError>
  /** Shuts it down in order. */
  readonly end: Effect.Effect<void>
}

/** Writes the configuration of a service for the forge; `program` is bot-bottle's own command line. It ends with the scope. */
export const makeService = Effect.fn("makeService")(function* (
  program: readonly [command: string, ...args: ReadonlyArray<string>],
  home: HomeShape,
  forge: DemoForge,
) {
  const runner = yield* ProcessRunner
  const fs = yield* FileSystem.FileSystem
  const said = yield* Queue.unbounded<string>()
  const current = yield* Ref.make(Option.none<Running>())
  const { configuration, secrets, hook } = forge.service
  yield* Effect.forEach(
    Object.entries(secrets),
    ([name, secret]) => fs.writeFileString(join(home.root, name), secret, { mode: 0o600 }),
    { discard: true },
  )
  const configure = (listen: string) =>
    fs.writeFileString(
      join(home.root, "orchestrator.yaml"),
      JSON.stringify({ ...configuration((name) => join(home.root, name)), listen }),
    )
  yield* configure("127.0.0.1:0")

  const end = Effect.flatMap(Ref.getAndSet(current, Option.none()), (running) =>
    Option.match(running, {
      onNone: () => Effect.void,
      onSome: ({ scope }) => Scope.close(scope, Exit.void),
    }),
  )
  yield* Effect.addFinalizer(() => end)

  const start = Effect.gen(function* () {
    const scope = yield* Scope.make()
    const [command, ...args] = program
    const { pid, output } = yield* runner
      .stream({
        command,
        args: [...args, "orchestrate", "serve"],
        env: { ...inherited(), BOT_BOTTLE_HOME: home.root },
        endsWithUs: true,
      })
      .pipe(Scope.extend(scope))
    yield* Ref.set(current, Option.some({ pid, scope }))
    const serving = yield* Deferred.make<string, ProcessError>()
    yield* output.pipe(
      Stream.map(({ bytes }) => bytes),
      Stream.decodeText(),
      Stream.splitLines,
      Stream.runForEach((line) =>
        Effect.gen(function* () {
          yield* lines([`service: ${line}`])
          yield* Queue.offer(said, line)
          const url = /^webhooks: (\S+)$/.exec(line)?.[1]
          if (url !== undefined) yield* Deferred.succeed(serving, url)
        }),
      ),
      Effect.zipRight(
        Deferred.fail(
          serving,
          new ProcessError({ command, reason: "failed", detail: "the service ended before it served" }),
        ),
      ),
      Effect.forkIn(scope),
    )
    const url = yield* Deferred.await(serving)
    hook(url)
    // A restarted service must be found at the same address.
    yield* Effect.orDie(configure(new URL(url).host))
  })
  return {
    start,
    end,
    says: (state, ...issues) =>
      Queue.take(said).pipe(
        Effect.map((line) => issues.find((issue) => line.endsWith(`#${issue}: ${state}`))),
        Stream.repeatEffect,
        Stream.filter((issue) => issue !== undefined),
        Stream.scan(new Set<number>(), (seen, issue) => new Set([...seen, issue])),
        Stream.takeUntil((seen) => seen.size === issues.length),
        Stream.runDrain,
        Effect.timeoutFail({
          duration: "2 minutes",
          onTimeout: () =>
            new ProcessError({
              command: program.join(" "),
              reason: "timeout",
              detail: `the service did not say within 2 minutes: ${issues.map((issue) => `#${issue}: ${state}`).join(", ")}`,
            }),
        }),
      ),
    kill: Effect.flatMap(Ref.get(current), (running) =>
      Effect.zipRight(
        Effect.sync(() => Option.map(running, ({ pid }) => process.kill(pid, "SIGKILL"))),
        end,
      ),
    ),
  } satisfies DemoService
})

interface Running {
  readonly pid: number
  readonly scope: Scope.CloseableScope
}

/** The environment variables that select an engine; none that name a forge or a configuration. */
const inherited = (): Readonly<Record<string, string>> =>
  Object.fromEntries(
    ["DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT", "TMPDIR"].flatMap((name) => {
      const value = process.env[name]
      return value === undefined ? [] : [[name, value]]
    }),
  )
