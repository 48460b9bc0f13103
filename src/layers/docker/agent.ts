/** A bottle's agent from start to end: its output, its exit code, and how to stop it. */
import type { Duration } from "effect"
import { Effect, MutableHashMap, Option, Stream } from "effect"
import { existsSync } from "node:fs"
import type { Slug } from "../../domain/Slug.ts"
import type { BackendError } from "../../services/Backends.ts"
import type { OutputChunk } from "../../services/ProcessRunner.ts"
import { cutOutput, outputLimitFile } from "../bottle/cutOutput.ts"
import { keptOutput, writtenSince } from "../bottle/outputTimes.ts"
import { enterError, enterFailure } from "../bottle/runFiles.ts"
import type { HomeShape } from "../home/Home.ts"
import type { Container } from "./containers.ts"
import { findContainer, isUnstarted, runOf, toBottle } from "./containers.ts"
import { ENTER } from "./createArguments.ts"
import type { Engine, Purpose } from "./engine.ts"
import type { Image } from "./image.ts"
import type { Naming } from "./naming.ts"
import type { Attached } from "./output.ts"
import { datedLog, engineLog, keepIn, startAttached } from "./output.ts"

/** What existed before a launch: the plan's image, and a container of an earlier launch. */
export interface Looked {
  readonly reference: string
  readonly image: Image
  readonly earlier: Option.Option<Container>
}

/** Shared state of the operations on a bottle. */
export interface Docker {
  readonly engine: Engine
  readonly naming: Naming
  readonly home: HomeShape
  /** How long a builder may be silent. */
  readonly buildSilence: Duration.Duration
  /** What this process inspected for a launch in progress, so that `create` need not ask again. */
  readonly looked: MutableHashMap.MutableHashMap<Slug, Looked>
  /** Runs that this process created and has not started yet. */
  readonly created: MutableHashMap.MutableHashMap<Slug, number>
  /** Images of the containers that this process created: an image of that ID never changes. */
  readonly images: MutableHashMap.MutableHashMap<Slug, Image>
  /** Runs whose output this process has had since their start. */
  readonly attached: MutableHashMap.MutableHashMap<Slug, Attached>
}

/** How often to check a silent start. Not before most have produced output, because each check is a process. */
const LOOK_INTERVAL = "400 millis"

/** Starts a created bottle. A running bottle is left alone. */
export const startBottle = Effect.fn("Backend.start")(function* (docker: Docker, slug: Slug) {
  const { engine, naming, created } = docker
  const purpose = { operation: "start", target: slug }
  const run = MutableHashMap.get(created, slug)
  MutableHashMap.remove(created, slug)
  if (Option.isSome(run)) return yield* launch(docker, purpose, slug, run.value)
  const container = yield* findContainer(engine, naming, purpose, slug)
  if (Option.isNone(container)) return yield* engine.failure(purpose, "there is no such bottle")
  const { state } = toBottle(slug, container.value)
  if (state === "created") yield* launch(docker, purpose, slug, runOf(container.value))
  if (state === "exited") return yield* engine.failure(purpose, "it has run already: freeze and resume it")
})

/** A bottle counts as started when its first output came, or when the engine says so. */
const launch = Effect.fnUntraced(function* (docker: Docker, purpose: Purpose, slug: Slug, run: number) {
  const { engine, naming, home } = docker
  const attached = yield* startAttached(engine, purpose, naming.container(slug), run, home.of(slug).run)
  MutableHashMap.set(docker.attached, slug, attached)
  if (attached.isStarted) return
  const look = Effect.map(findContainer(engine, naming, purpose, slug), Option.filter(isUnstarted))
  const refused = Effect.flatMap(attached.ended, (stderr) =>
    Effect.flatMap(
      look,
      Option.match({
        onNone: () => Effect.void,
        onSome: ({ State }) => Effect.fail(engine.refusal(purpose, State.Error || stderr)),
      }),
    ),
  )
  const looked = look.pipe(Effect.delay(LOOK_INTERVAL), Effect.repeat({ until: Option.isNone }))
  // Output on stderr may be the client's message that the start failed.
  const spoke = Effect.flatMap(attached.first, ({ stream }) =>
    stream === "stdout" ? Effect.void : Effect.never,
  )
  const started = Effect.raceFirst(Effect.interruptible(spoke), Effect.interruptible(refused))
  yield* Effect.raceFirst(Effect.interruptible(started), Effect.interruptible(looked)).pipe(
    Effect.tapError(() => Effect.sync(() => MutableHashMap.remove(docker.attached, slug))),
  )
})

/** Output of a run from its beginning. It is stored as it is read. */
export const outputOf = (docker: Docker, slug: Slug, run: number): Stream.Stream<OutputChunk, BackendError> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const { engine, naming, home } = docker
      const purpose = { operation: "output", target: slug }
      const name = naming.container(slug)
      const cut = cutOutput(slug, outputLimitFile(home.of(slug).run))
      const keepAll = keepIn(home.of(slug).output(run), purpose, engine, isOver(engine, purpose, name))
      const keep = (output: Stream.Stream<OutputChunk, BackendError>) => keepAll(cut(output))
      const attached = Option.filter(
        MutableHashMap.get(docker.attached, slug),
        (client) => client.run === run,
      )
      if (Option.isSome(attached)) {
        const live = yield* attached.value.take
        MutableHashMap.remove(docker.attached, slug)
        if (Option.isSome(live)) return keep(live.value)
      }
      const container = yield* findContainer(engine, naming, purpose, slug)
      if (Option.exists(container, (found) => runOf(found) === run && !isUnstarted(found))) {
        return keep(datedLog(engine, purpose, name, true))
      }
      const stdout = (bytes: Uint8Array): OutputChunk => ({ stream: "stdout", bytes, at: Date.now() })
      return Stream.map(kept(docker, purpose, slug, run), stdout)
    }),
  )

/** The stored output of a run, or else the engine's log; what was written since a time, if one is given. */
export const logsOf = (
  docker: Docker,
  slug: Slug,
  run: number,
  follow: boolean,
  since?: number,
): Stream.Stream<Uint8Array, BackendError> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const { engine, naming, home } = docker
      const purpose = { operation: "logs", target: slug }
      if (existsSync(home.of(slug).output(run))) return kept(docker, purpose, slug, run, since)
      const container = yield* findContainer(engine, naming, purpose, slug)
      if (!Option.exists(container, (found) => runOf(found) === run)) return Stream.empty
      const log = since === undefined ? engineLog : datedLog
      return log(engine, purpose, naming.container(slug), follow).pipe(
        cutOutput(slug, outputLimitFile(home.of(slug).run)),
        writtenSince(since),
      )
    }),
  )

const kept = (
  { engine, home }: Docker,
  purpose: Purpose,
  slug: Slug,
  run: number,
  since?: number,
): Stream.Stream<Uint8Array, BackendError> => {
  const file = home.of(slug).output(run)
  if (!existsSync(file)) return Stream.empty
  return keptOutput(file, since, (cause): BackendError =>
    engine.failure(purpose, `${file} could not be read: ${String(cause)}`),
  )
}

/** How long the end of a bottle may lag behind the end of its output. */
const END_LAG = "10 seconds"

/** Whether all output was read. An output that ends before its bottle was cut off; for a bottle that is gone this is unknown. */
const isOver = Effect.fnUntraced(function* (engine: Engine, purpose: Purpose, name: string) {
  const cutOff = engine.failure(
    purpose,
    'it was cut off: "bot-bottle logs --follow" reads it again from its beginning',
  )
  const { ended } = yield* engine.transport
  return yield* Effect.interruptible(ended(purpose, name)).pipe(
    Effect.timeoutFail({ duration: END_LAG, onTimeout: () => cutOff }),
    Effect.catchTag("BackendFailure", () => cutOff),
  )
})

/** Stores the engine's log of a bottle's output, unless it was already read to its end. */
export const harvest = Effect.fn("harvest")(function* (
  docker: Docker,
  purpose: Purpose,
  slug: Slug,
  run: number,
) {
  const { engine, naming, home } = docker
  const file = home.of(slug).output(run)
  if (existsSync(file)) return
  yield* datedLog(engine, purpose, naming.container(slug), false).pipe(
    cutOutput(slug, outputLimitFile(home.of(slug).run)),
    keepIn(file, purpose, engine, Effect.succeed(true)),
    Stream.runDrain,
  )
})

/** Exit codes that may be our own: `bin/enter` failed (125), or the container's init could not run it (126, 127; catatonit: 1). */
const DOUBTFUL = new Set([1, 125, 126, 127])

/** The agent's exit code, once it has ended. A failure before the agent started is reported as such. */
export const waitFor = Effect.fn("Backend.wait")(function* (docker: Docker, slug: Slug) {
  const { engine, naming } = docker
  const purpose = { operation: "wait", target: slug }
  const name = naming.container(slug)
  const look = findContainer(engine, naming, purpose, slug)
  const found = yield* look
  const runs = Option.exists(found, (container) => toBottle(slug, container).state === "running")
  if (runs) {
    const { ended } = yield* engine.transport
    yield* Effect.ignore(ended(purpose, name))
  }
  const container = runs ? yield* look : found
  if (Option.isNone(container)) return yield* engine.failure(purpose, "there is no such bottle")
  const { state, exitCode = 0 } = toBottle(slug, container.value)
  if (state === "created") return yield* engine.failure(purpose, "it was never started")
  if (state === "running")
    return yield* engine.failure(purpose, "the engine stopped answering while it ran: wait again")
  if (DOUBTFUL.has(exitCode)) yield* explain(engine, purpose, name, exitCode)
  return exitCode
})

const explain = Effect.fnUntraced(function* (
  engine: Engine,
  purpose: Purpose,
  name: string,
  exitCode: number,
) {
  const { stderr } = yield* engine.run(purpose, [...engine.dialect.lastLogs, name])
  const cause = enterFailure(exitCode, stderr)
  if (Option.isSome(cause)) {
    return yield* enterError(engine.dialect.name, purpose.target, cause.value)
  }
  // Written by the container's init (tini, or podman's catatonit) when the image has no /bin/sh for the script.
  if (new RegExp(`\\[FATAL tini .*exec ${ENTER} failed|catatonit.*failed to exec pid1`).test(stderr)) {
    return yield* engine.failure(purpose, "its image has no /bin/sh: use one that has a shell")
  }
})

/** TERM, then KILL after 10 s. Succeeds when it is not running or does not exist. */
export const stopBottle = Effect.fn("Backend.stop")(function* ({ engine, naming }: Docker, slug: Slug) {
  const purpose = { operation: "stop", target: slug }
  yield* (yield* engine.transport).stop(purpose, naming.container(slug), 10)
})

/** Set explicitly, because bot-bottle shows the operator these keys, whatever the client's configuration says. */
const DETACH = ["--detach-keys", "ctrl-p,ctrl-q"]

/** Connects our terminal to the agent until it ends or is detached. If it is already running, its earlier output is shown first. */
export const attachTo = Effect.fn("Backend.attach")(function* (docker: Docker, slug: Slug) {
  const { engine, naming, home } = docker
  const purpose = { operation: "attach", target: slug }
  const name = naming.container(slug)
  const find = findContainer(engine, naming, purpose, slug)
  const container = yield* find
  if (Option.isNone(container)) return yield* engine.failure(purpose, "there is no such bottle")
  const { state } = toBottle(slug, container.value)
  if (state === "exited") return
  if (!container.value.Config.Tty) {
    return yield* engine.failure(
      purpose,
      `its agent has no terminal: "bot-bottle logs ${slug} --follow" shows what it does`,
    )
  }
  if (state === "running") yield* engine.interactive(purpose, ["logs", name])
  yield* engine.interactive(
    purpose,
    state === "created"
      ? [...engine.dialect.start, "--interactive", ...DETACH, name]
      : ["attach", ...DETACH, name],
    home.of(slug).run,
  )
  const after = yield* find
  if (Option.exists(after, isUnstarted)) {
    const { Error } = Option.getOrThrow(after).State
    return yield* engine.failure(purpose, Error || "it could not be started")
  }
})
