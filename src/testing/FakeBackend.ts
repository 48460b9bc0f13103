/** FakeBackend is a backend in memory: it runs scripted agents, fails on demand, and records its calls. */
import { Chunk, Clock, Deferred, Effect, Exit, Fiber, Layer, MutableHashMap, Option, Stream } from "effect"
import { basename } from "node:path"
import type { BottlePlan } from "../domain/Bottle.ts"
import { BackendFailure, BackendNotFound, FreezeFailed } from "../domain/Errors.ts"
import type { Slug } from "../domain/Slug.ts"
import { tar } from "../layers/tar/tar.ts"
import type { Backend, BackendArtifact, BackendBottle } from "../services/Backends.ts"
import { Backends } from "../services/Backends.ts"
import type { OutputChunk } from "../services/ProcessRunner.ts"

/** The output of a fake agent. */
export interface FakeAgentIo {
  /** Writes to its stdout. */
  readonly print: (text: string | Uint8Array) => Effect.Effect<void>
  /** Writes to its stderr. */
  readonly printError: (text: string | Uint8Array) => Effect.Effect<void>
}

/** A fake agent: a script that returns its exit code. Stopping its bottle interrupts it: exit code 143. */
export type FakeAgent = (plan: BottlePlan, io: FakeAgentIo) => Effect.Effect<number>

/** A call that can be made to fail. `inspect` is not recorded as a step. */
export type FakeStep =
  | "inspect"
  | "ensureImage"
  | "create"
  | "start"
  | "wait"
  | "stop"
  | "freeze"
  | "remove"
  | "destroy"

/** Behaviour of the backend. */
export interface FakeScript {
  /** Name of the backend; `fake` unless given. */
  readonly name?: string
  /** The agent of every bottle; by default it prints its prompt and exits with 0. */
  readonly agent?: FakeAgent
  /** Name of its engine, read at each call; the backend's name unless given. */
  readonly engine?: () => string
  /** Why a step fails, called for each step; none: it succeeds. */
  readonly fail?: (step: FakeStep, slug: Slug) => Option.Option<string>
}

/** A fake backend and its recorded calls. */
export interface FakeBackend {
  readonly backend: Backend
  /** Plans of the created bottles, in order. */
  readonly plans: Effect.Effect<ReadonlyArray<BottlePlan>>
  /** Every step as `step slug`, in order. */
  readonly steps: Effect.Effect<ReadonlyArray<string>>
  /** Names of the existing artifacts. */
  readonly artifacts: Effect.Effect<ReadonlyArray<string>>
  /**
   * Stops its engine or machine with all agents; its boxes stay. `ending` reports this for them, and for agents that were stopped
   * before: an engine cannot tell them apart.
   */
  readonly stopMachine: Effect.Effect<void>
}

interface Written {
  readonly chunks: Array<OutputChunk>
  over: boolean
  /** Completed by what is written next, or by the end. */
  more: Deferred.Deferred<void>
}

interface Box {
  readonly plan: BottlePlan
  readonly written: Written
  readonly exit: Deferred.Deferred<number>
  readonly createdAt: number
  state: BackendBottle["state"]
  agent: Option.Option<Fiber.RuntimeFiber<number>>
}

const TERMINATED = 143
const MEMORY = 1024 ** 3

const echoPrompt: FakeAgent = (plan, io) => Effect.as(io.print(plan.prompt ?? ""), 0)

/** A backend in memory. Its bottles end with the process. */
export const make = Effect.fn("FakeBackend.make")((script: FakeScript = {}) =>
  Effect.sync((): FakeBackend => {
    const name = script.name ?? "fake"
    const agent = script.agent ?? echoPrompt
    const boxes = MutableHashMap.empty<Slug, Box>()
    const outputs = MutableHashMap.empty<string, Written>()
    const artifacts = new Map<string, BackendArtifact>()
    const plans: Array<BottlePlan> = []
    const steps: Array<string> = []
    const stopped = new WeakSet<Box>()

    const failure = (operation: string, target: string, reason: string) =>
      new BackendFailure({ backend: name, operation, target, reason })
    const failing = (step: FakeStep, slug: Slug) =>
      Effect.sync(() => {
        steps.push(`${step} ${slug}`)
        return script.fail?.(step, slug) ?? Option.none<string>()
      })
    const take = Effect.fnUntraced(function* (step: FakeStep, slug: Slug) {
      const reason = yield* failing(step, slug)
      if (Option.isSome(reason)) return yield* failure(step, slug, reason.value)
    })
    const need = (operation: string, slug: Slug) =>
      Effect.mapError(MutableHashMap.get(boxes, slug), () =>
        failure(operation, slug, "there is no such bottle"),
      )
    const artifact = (slug: Slug, run: number) => `${name}/${slug}:run-${run}`

    const create = Effect.fn("Backend.create")(function* (plan: BottlePlan) {
      const { slug } = plan
      yield* take("create", slug)
      const bottle = { user: plan.user ?? "1000:1000", imageDigest: `sha256:${name}` }
      const earlier = MutableHashMap.get(boxes, slug)
      if (Option.exists(earlier, ({ state }) => state !== "created")) return bottle
      if (plan.rehydrate && !artifacts.has(plan.image)) {
        return yield* failure("create", slug, `there is no artifact ${plan.image}`)
      }
      const written: Written = { chunks: [], over: false, more: yield* Deferred.make<void>() }
      const exit = yield* Deferred.make<number>()
      const createdAt = yield* Clock.currentTimeMillis
      MutableHashMap.set(boxes, slug, {
        plan,
        written,
        exit,
        createdAt,
        state: "created",
        agent: Option.none(),
      })
      MutableHashMap.set(outputs, `${slug} ${plan.run}`, written)
      plans.push(plan)
      return bottle
    })

    const tellMore = (written: Written) =>
      Effect.flatMap(Deferred.make<void>(), (next) => {
        const { more } = written
        written.more = next
        return Deferred.succeed(more, undefined)
      })

    const play = (box: Box) => {
      const write = (stream: OutputChunk["stream"]) => (text: string | Uint8Array) =>
        Effect.suspend(() => {
          const bytes = typeof text === "string" ? Buffer.from(text) : text
          box.written.chunks.push({ stream, bytes, at: Date.now() })
          return tellMore(box.written)
        })
      const playing = agent(box.plan, { print: write("stdout"), printError: write("stderr") })
      // A bottle has also ended if its agent was interrupted before its first step.
      return Effect.uninterruptible(
        Effect.forkDaemon(
          Effect.onExit(Effect.interruptible(playing), (exit) => {
            box.state = "exited"
            box.written.over = true
            return Effect.zipRight(
              tellMore(box.written),
              Deferred.succeed(box.exit, Exit.isSuccess(exit) ? exit.value : TERMINATED),
            )
          }),
        ),
      )
    }

    const start = Effect.fn("Backend.start")(function* (slug: Slug) {
      yield* take("start", slug)
      const box = yield* need("start", slug)
      if (box.state === "exited") return yield* failure("start", slug, "it has run already")
      if (box.state === "running") return
      box.state = "running"
      box.agent = Option.some(yield* play(box))
    })

    const inspectBox = (slug: Slug, box: Box): Effect.Effect<BackendBottle> =>
      box.state === "exited"
        ? Effect.map(Deferred.await(box.exit), (exitCode) => ({
            slug,
            state: "exited",
            exitCode,
            outOfMemory: false,
            createdAt: box.createdAt,
          }))
        : Effect.succeed({ slug, state: box.state, createdAt: box.createdAt })

    const stop = Effect.fn("Backend.stop")(function* (slug: Slug) {
      yield* take("stop", slug)
      const box = MutableHashMap.get(boxes, slug)
      yield* Option.match(
        Option.flatMap(box, (found) => found.agent),
        {
          onNone: () => Effect.void,
          onSome: Fiber.interrupt,
        },
      )
    })

    const read = (written: Written, follow: boolean): Stream.Stream<OutputChunk> =>
      Stream.paginateChunkEffect(0, (seen) =>
        Effect.gen(function* () {
          const { chunks, over, more } = written
          if (follow && !over && chunks.length === seen) yield* Deferred.await(more)
          const fresh = Chunk.unsafeFromArray(chunks.slice(seen))
          return [fresh, follow && !written.over ? Option.some(seen + fresh.length) : Option.none()] as const
        }),
      )
    const readRun = (slug: Slug, run: number, follow: boolean) =>
      Option.match(MutableHashMap.get(outputs, `${slug} ${run}`), {
        onNone: () => Stream.empty,
        onSome: (written) =>
          read(
            written,
            follow && Option.exists(MutableHashMap.get(boxes, slug), (box) => box.plan.run === run),
          ),
      })

    const freeze = Effect.fn("Backend.freeze")(function* (slug: Slug, run: number) {
      const reason = yield* failing("freeze", slug)
      if (Option.isSome(reason)) return yield* new FreezeFailed({ slug, reason: reason.value })
      const box = MutableHashMap.get(boxes, slug)
      if (!Option.exists(box, ({ state }) => state === "exited")) {
        return yield* new FreezeFailed({ slug, reason: "it has not run, or it still runs" })
      }
      const createdAt = yield* Clock.currentTimeMillis
      artifacts.set(artifact(slug, run), { slug, reference: artifact(slug, run), createdAt })
      return artifact(slug, run)
    })

    const removeArtifacts = (slug: Slug, keep: Option.Option<string>) =>
      Effect.sync(() => {
        for (const reference of artifacts.keys()) {
          if (reference.startsWith(`${name}/${slug}:`) && reference !== Option.getOrNull(keep))
            artifacts.delete(reference)
        }
      })

    const remove = Effect.fn("Backend.remove")(function* (slug: Slug) {
      yield* take("remove", slug)
      yield* drop(slug)
    })
    const drop = Effect.fnUntraced(function* (slug: Slug) {
      const box = MutableHashMap.get(boxes, slug)
      MutableHashMap.remove(boxes, slug)
      if (Option.isSome(box) && Option.isSome(box.value.agent)) yield* Fiber.interrupt(box.value.agent.value)
    })

    const destroy = Effect.fn("Backend.destroy")(function* (slug: Slug) {
      yield* take("destroy", slug)
      yield* drop(slug)
      yield* removeArtifacts(slug, Option.none())
      for (const key of Array.from(MutableHashMap.keys(outputs))) {
        if (key.startsWith(`${slug} `)) MutableHashMap.remove(outputs, key)
      }
    })

    return {
      plans: Effect.sync(() => [...plans]),
      steps: Effect.sync(() => [...steps]),
      artifacts: Effect.sync(() => [...artifacts.keys()]),
      stopMachine: Effect.suspend(() =>
        Effect.forEach(
          Array.from(MutableHashMap.values(boxes)),
          (box) =>
            Effect.gen(function* () {
              yield* Effect.forEach(Option.toArray(box.agent), Fiber.interrupt)
              if (box.state === "exited" && (yield* Deferred.await(box.exit)) === TERMINATED) stopped.add(box)
            }),
          { discard: true },
        ),
      ),
      backend: {
        name,
        warning: Option.none(),
        neck: Option.some("http://127.0.0.1:7317"),
        needsLoopback: false,
        defaultMemoryBytes: MEMORY,
        check: Effect.succeed(`${name}: in memory`),
        engine: Effect.sync(() => script.engine?.() ?? name),
        accepts: () => Effect.void,
        ensureImage: ({ slug }) => take("ensureImage", slug),
        create,
        start,
        inspect: Effect.fn("Backend.inspect")(function* (slug) {
          const reason = script.fail?.("inspect", slug) ?? Option.none()
          if (Option.isSome(reason)) return yield* failure("inspect", slug, reason.value)
          const box = MutableHashMap.get(boxes, slug)
          return Option.isSome(box) ? Option.some(yield* inspectBox(slug, box.value)) : Option.none()
        }),
        ending: (slug) =>
          Effect.sync(() => ({
            by: Option.exists(MutableHashMap.get(boxes, slug), (box) => stopped.has(box))
              ? "machine"
              : "agent",
          })),
        output: (slug, run) => readRun(slug, run, true),
        logs: (slug, run, follow, since = 0) =>
          Stream.filterMap(readRun(slug, run, follow), ({ at, bytes }) =>
            at < since ? Option.none() : Option.some(bytes),
          ),
        wait: Effect.fn("Backend.wait")(function* (slug) {
          yield* take("wait", slug)
          const box = yield* need("wait", slug)
          if (box.state === "created") return yield* failure("wait", slug, "it was never started")
          return yield* Deferred.await(box.exit)
        }),
        stop,
        attach: Effect.fn("Backend.attach")(function* (slug) {
          const box = yield* need("attach", slug)
          if (box.state === "created") yield* start(slug)
          yield* Deferred.await(box.exit)
        }),
        shell: Effect.fn("Backend.shell")(function* (slug) {
          const box = yield* need("shell", slug)
          return box.state === "running" ? 0 : yield* failure("shell", slug, "its agent does not run")
        }),
        copyOut: (slug, { path, artifact: reference }) =>
          MutableHashMap.has(boxes, slug) || artifacts.has(Option.getOrElse(reference, () => ""))
            ? tar((archive) => archive.add({ name: basename(path) }, `${path} of ${slug}\n`))
            : Stream.fail(failure("copy", slug, "there is no such bottle")),
        freeze,
        remove,
        removeArtifacts,
        destroy,
        list: Effect.suspend(() => Effect.forEach([...boxes], ([slug, box]) => inspectBox(slug, box))),
        artifacts: Effect.sync(() => [...artifacts.values()]),
      },
    }
  }),
)

/** A Backends service with only this backend, by its name; for tests of programs. Its workspace is always empty. */
export const layer = ({ backend }: Pick<FakeBackend, "backend">): Layer.Layer<Backends> =>
  Layer.succeed(
    Backends,
    Backends.of({
      names: [backend.name],
      get: (name) =>
        name === backend.name
          ? Effect.succeed(backend)
          : new BackendNotFound({ backend: name, known: [backend.name] }),
      workspace: (root) => Effect.succeed({ root, tracked: [], untracked: [] }),
    }),
  )
