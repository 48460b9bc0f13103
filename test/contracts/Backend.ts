/** What every backend does: the life of a bottle, told by what a caller sees. Run over docker, host, fake and any later one. */
import { describe, expect, it } from "@effect/vitest"
import { Chunk, Duration, Effect, Fiber, Option, Stream } from "effect"
import type { Scope } from "effect"
import type { BottlePlan } from "../../src/domain/Bottle.ts"
import { Slug } from "../../src/domain/Slug.ts"
import type { HomeShape } from "../../src/layers/home/Home.ts"
import { hasArtifact } from "../../src/programs/bottleBackend.ts"
import type { Backend } from "../../src/services/Backends.ts"
import type { FakeAgent } from "../../src/testing/FakeBackend.ts"
import { serveNeck } from "../support/neck.ts"

/** A backend under test. */
export interface BackendSubject {
  readonly name: string
  /** Two of it on one home, as two processes have it. What is left of its bottles goes with the scope. */
  readonly instances: Effect.Effect<
    { readonly home: HomeShape; readonly first: Backend; readonly second: Backend },
    unknown,
    Scope.Scope
  >
  /** Image with sh, cat, head, sleep and kill, where there are images. */
  readonly image: () => string
  /** The agent's user, where no image names it. */
  readonly user?: string
  /** How a KILL ends: no backend without signals has it. */
  readonly kills: boolean
}

/** What agents of the suite do: a script of a shell, and the same for a backend in memory. */
const AGENTS = {
  greets: {
    script: `printf 'out\\n'; printf 'err\\n' >&2`,
    fake: (_, io) => Effect.as(Effect.zipRight(io.print("out\n"), io.printError("err\n")), 0),
  },
  echoes: { script: "cat", fake: (plan, io) => Effect.as(io.print(plan.prompt ?? ""), 0) },
  remembers: {
    script: `[ "$BOT_BOTTLE_RUN" = 1 ] || cat memory; echo "run $BOT_BOTTLE_RUN" >>memory`,
    fake: (plan, io) =>
      Effect.as(io.print(Array.from({ length: plan.run - 1 }, (_, n) => `run ${n + 1}\n`).join("")), 0),
  },
  "exits 3": { script: "exit 3", fake: () => Effect.succeed(3) },
  "exits 126": { script: "touch file; exec ./file", fake: () => Effect.succeed(126) },
  "exits 127": { script: "exec no-such-agent", fake: () => Effect.succeed(127) },
  "kills itself": { script: "kill -KILL $$", fake: () => Effect.succeed(137) },
  "writes bytes": {
    script: `printf '\\377\\000\\376\\r\\n\\200x'`,
    fake: (_, io) => Effect.as(io.print(Buffer.from("ff00fe0d0a8078", "hex")), 0),
  },
  "writes 5 MB": {
    script: "head -c 5000000 /dev/zero",
    fake: (_, io) => Effect.as(io.print(new Uint8Array(5_000_000)), 0),
  },
  works: {
    script: "echo working; sleep 60",
    fake: (_, io) => Effect.zipRight(io.print("working\n"), Effect.never),
  },
  "remembers and works": {
    script: "echo something >memory; echo working; sleep 60",
    fake: (_, io) => Effect.zipRight(io.print("working\n"), Effect.never),
  },
  "counts seconds": {
    script: `echo "early $BOT_BOTTLE_RUN"; n=0; while :; do sleep 1; n=$((n + 1)); echo "tick $n"; done`,
    fake: (plan, io) =>
      Effect.zipRight(
        io.print(`early ${plan.run}\n`),
        Effect.iterate(1, {
          while: () => true,
          body: (n) => Effect.as(Effect.delay(io.print(`tick ${n}\n`), "1 second"), n + 1),
        }),
      ),
  },
  "ignores TERM": {
    script: `trap '' TERM; echo deaf; while :; do sleep 1; done`,
    fake: (_, io) => Effect.zipRight(io.print("deaf\n"), Effect.never),
  },
} satisfies Record<string, { readonly script: string; readonly fake: FakeAgent }>

/** The agent of a backend in memory that plays this suite. */
export const contractAgent: FakeAgent = (plan, io) => {
  const agent = Object.values(AGENTS).find(({ script }) => plan.argv.includes(script))
  return agent === undefined ? Effect.succeed(127) : agent.fake(plan, io)
}

const text = (bytes: Iterable<Uint8Array>) => Buffer.concat([...bytes]).toString("utf8")

let counter = 0
const newSlug = () => Slug.make(`contract-${process.pid}-${++counter}`)

/** The suite. */
export const backendContract = (subject: BackendSubject): void => {
  const plan = (slug: Slug, agent: keyof typeof AGENTS, more: Partial<BottlePlan> = {}): BottlePlan => ({
    slug,
    backend: subject.name,
    run: 1,
    image: subject.image(),
    rehydrate: false,
    pull: "never",
    workdir: "/workspace",
    limits: { memoryBytes: 256 * 1024 * 1024, pids: 100 },
    argv: ["sh", "-c", AGENTS[agent].script],
    env: {},
    prompt: "Do it.\n",
    files: [],
    interactive: false,
    ...(subject.user !== undefined && { user: subject.user }),
    ...more,
  })

  /** Two instances, a slug, and a neck that is served for as long as an effect runs. */
  const setUp = Effect.gen(function* () {
    const { home, first, second } = yield* subject.instances
    const slug = newSlug()
    yield* Effect.addFinalizer(() => Effect.ignore(first.destroy(slug)))
    const begin = (bottle: BottlePlan, on: Backend = first) =>
      Effect.gen(function* () {
        yield* serveNeck(home, slug)
        yield* on.ensureImage(bottle)
        const created = yield* on.create(bottle)
        yield* on.start(slug)
        return created
      })
    const all = (on: Backend, run = 1) =>
      Effect.map(Stream.runCollect(on.output(slug, run)), (chunks) => ({
        stdout: text(
          Chunk.filter(chunks, ({ stream }) => stream === "stdout").pipe(Chunk.map(({ bytes }) => bytes)),
        ),
        stderr: text(
          Chunk.filter(chunks, ({ stream }) => stream === "stderr").pipe(Chunk.map(({ bytes }) => bytes)),
        ),
        bytes: Buffer.concat(Chunk.toReadonlyArray(chunks).map(({ bytes }) => bytes)),
      }))
    const logs = (on: Backend, run = 1) => Effect.map(Stream.runCollect(on.logs(slug, run, false)), text)
    return { home, first, second, slug, begin, all, logs }
  })

  describe(`Backend: ${subject.name}`, () => {
    it.scopedLive("says in a line that it works", () =>
      Effect.gen(function* () {
        const { first } = yield* setUp
        expect((yield* first.check).split("\n")).toHaveLength(1)
      }),
    )

    it.scopedLive("names its engine, on one line and the same for every process", () =>
      Effect.gen(function* () {
        const { first, second } = yield* setUp
        const name = yield* first.engine ?? Effect.succeed("")
        expect(name).toMatch(/^\S.*$/)
        expect(yield* second.engine ?? Effect.succeed("none")).toBe(name)
      }),
    )

    it.scopedLive("a bottle is created, runs, exits, is frozen, rehydrated twice, and destroyed", () =>
      Effect.gen(function* () {
        const { first, second, slug, begin, all, logs } = yield* setUp
        expect(yield* first.inspect(slug)).toEqual(Option.none())
        let artifact = Option.none<string>()
        let before = Option.none<string>()
        let user: string | undefined
        for (const run of [1, 2, 3]) {
          const resumed = Option.match(artifact, {
            onNone: () => ({}),
            onSome: (image) => ({ image, rehydrate: true, ...(user !== undefined && { user }) }),
          })
          const created = yield* begin(plan(slug, "remembers", { run, ...resumed }))
          user = created.user
          const { stdout } = yield* all(first, run)
          expect(stdout).toBe(Array.from({ length: run - 1 }, (_, n) => `run ${n + 1}\n`).join(""))
          expect(yield* first.wait(slug)).toBe(0)
          expect(Option.getOrThrow(yield* first.inspect(slug))).toMatchObject({
            slug,
            state: "exited",
            exitCode: 0,
          })
          artifact = Option.some(yield* first.freeze(slug, run))
          const kept = (yield* second.artifacts).filter((found) => found.slug === slug)
          expect(kept.map(({ reference }) => reference)).toContain(Option.getOrThrow(artifact))
          expect(kept.every(({ createdAt }) => Math.abs(createdAt - Date.now()) < 60_000)).toBe(true)
          yield* first.remove(slug)
          yield* first.removeArtifacts(slug, artifact)
          expect(yield* hasArtifact(second, { slug, artifact })).toBe(true)
          expect(yield* hasArtifact(second, { slug, artifact: before })).toBe(false)
          before = artifact
          expect(yield* first.inspect(slug)).toEqual(Option.none())
          expect((yield* first.list).map((bottle) => bottle.slug)).not.toContain(slug)
        }
        expect(yield* logs(first, 3)).toBe("run 1\nrun 2\n")
        yield* first.destroy(slug)
        expect(yield* hasArtifact(second, { slug, artifact })).toBe(false)
        expect(yield* logs(first, 3)).toBe("")
        expect(
          yield* Effect.flip(
            first.create(plan(slug, "echoes", { image: Option.getOrThrow(artifact), rehydrate: true })),
          ),
        ).toMatchObject({
          _tag: "BackendFailure",
        })
      }),
    )

    it.scopedLive("the agent gets the prompt on stdin, and both its streams are heard apart", () =>
      Effect.gen(function* () {
        const { first, slug, begin, all } = yield* setUp
        yield* begin(plan(slug, "echoes"))
        expect((yield* all(first)).stdout).toBe("Do it.\n")
        const other = yield* setUp
        yield* other.begin(plan(other.slug, "greets"))
        expect(yield* other.all(other.first)).toMatchObject({ stdout: "out\n", stderr: "err\n" })
      }),
    )

    const codes = {
      greets: 0,
      "exits 3": 3,
      "exits 126": 126,
      "exits 127": 127,
      "kills itself": 137,
    } as const
    for (const [agent, code] of Object.entries(codes)) {
      it.scopedLive(`an agent that ${agent} ends the bottle with ${code}`, () =>
        Effect.gen(function* () {
          const { first, slug, begin } = yield* setUp
          yield* begin(plan(slug, agent as keyof typeof codes))
          expect(yield* first.wait(slug)).toBe(code)
          expect(Option.getOrThrow(yield* first.inspect(slug))).toMatchObject({
            state: "exited",
            exitCode: code,
          })
        }),
      )
    }

    it.scopedLive("output is exact, whatever its bytes", () =>
      Effect.gen(function* () {
        const { first, slug, begin, all, logs } = yield* setUp
        yield* begin(plan(slug, "writes bytes"))
        expect((yield* all(first)).bytes.toString("hex")).toBe("ff00fe0d0a8078")
        const kept = yield* Stream.runCollect(first.logs(slug, 1, false))
        expect(Buffer.concat([...kept]).toString("hex")).toBe("ff00fe0d0a8078")
        expect(yield* logs(first, 2)).toBe("")
      }),
    )

    it.scopedLive("output of 5 MB comes whole", () =>
      Effect.gen(function* () {
        const { first, slug, begin, all } = yield* setUp
        yield* begin(plan(slug, "writes 5 MB"))
        const [{ bytes }, code] = yield* Effect.all([all(first), first.wait(slug)], { concurrency: 2 })
        expect([bytes.length, code]).toEqual([5_000_000, 0])
      }),
    )

    it.scopedLive(
      "another process sees the bottle, reads its output from the beginning, waits for it and stops it",
      () =>
        Effect.gen(function* () {
          const { first, second, slug, begin, all, logs } = yield* setUp
          yield* begin(plan(slug, "works"))
          expect((yield* second.list).find((bottle) => bottle.slug === slug)).toMatchObject({
            state: "running",
          })
          yield* second.start(slug)
          const heard = yield* Stream.runHead(second.logs(slug, 1, true))
          expect(text(Option.toArray(heard))).toBe("working\n")
          const [code, { stdout }] = yield* Effect.all(
            [second.wait(slug), all(second), Effect.delay(second.stop(slug), "100 millis")],
            { concurrency: "unbounded" },
          )
          expect(code).toBe(143)
          expect(stdout).toBe("working\n")
          expect(yield* logs(first)).toBe("working\n")
        }),
    )

    it.scopedLive("output that nobody read is still there after the box is removed", () =>
      Effect.gen(function* () {
        const { second, slug, begin, logs } = yield* setUp
        yield* begin(plan(slug, "greets"))
        expect(yield* second.wait(slug)).toBe(0)
        yield* second.remove(slug)
        expect((yield* logs(second)).split("\n").toSorted()).toEqual(["", "err", "out"])
      }),
    )

    it.scopedLive(
      "output since a time is found while its run lasts, when it has ended, and among several runs",
      () =>
        Effect.gen(function* () {
          const { first, second, slug, begin, all, logs } = yield* setUp
          const since = (time: number, run: number) =>
            Effect.map(Stream.runCollect(second.logs(slug, run, false, time)), text)
          /** A time after the first line, by more than times are exact, and before the end of what the run has written since. */
          const past = (run: number) =>
            Effect.gen(function* () {
              const time = Date.now()
              yield* first.logs(slug, run, true, time).pipe(
                Stream.decodeText(),
                Stream.splitLines,
                Stream.filter((line) => line.startsWith("tick")),
                Stream.take(2),
                Stream.runDrain,
              )
              return (yield* since(time - 2000, run)).includes("early") ? Option.none() : Option.some(time)
            }).pipe(Effect.repeat({ until: Option.isSome }), Effect.map(Option.getOrThrow))
          const shows = (time: number, run: number) =>
            Effect.gen(function* () {
              const [whole, part] = [yield* logs(second, run), yield* since(time, run)]
              expect(whole).toMatch(/^early \d\ntick 1\n/)
              expect(part).toMatch(/^(tick \d+\n)+$/)
              // The run may go on meanwhile.
              expect((yield* since(0, run)).startsWith(whole)).toBe(true)
              return [whole, part] as const
            })

          // Nobody reads the output of the first run before its box is removed.
          const { user } = yield* begin(plan(slug, "counts seconds"))
          const one = yield* past(1)
          yield* shows(one, 1)
          yield* first.stop(slug)
          const [whole, part] = yield* shows(one, 1)
          expect(whole.endsWith(part)).toBe(true)
          const artifact = yield* first.freeze(slug, 1)
          yield* first.remove(slug)
          const [kept, keptPart] = yield* shows(one, 1)
          expect(kept).toBe(whole)
          expect(kept.endsWith(keptPart)).toBe(true)

          yield* begin(plan(slug, "counts seconds", { run: 2, image: artifact, rehydrate: true, user }))
          const read = yield* Effect.fork(all(first, 2))
          const two = yield* past(2)
          yield* first.stop(slug)
          yield* Fiber.join(read)
          yield* first.remove(slug)
          const [again, againPart] = yield* shows(two, 2)
          expect(again.endsWith(againPart)).toBe(true)
          expect(yield* since(two, 1)).toBe("")
          expect(yield* since(one, 1)).toBe(keptPart)
          expect(yield* since(one, 2)).toBe(again)
          expect(yield* since(Date.now() + 5000, 2)).toBe("")
        }),
    )

    it.scopedLive("who stops reading, or waiting, does not stop the bottle", () =>
      Effect.gen(function* () {
        const { first, slug, begin } = yield* setUp
        yield* begin(plan(slug, "works"))
        yield* Stream.runHead(first.output(slug, 1))
        yield* Effect.timeoutOption(first.wait(slug), "200 millis")
        expect(Option.getOrThrow(yield* first.inspect(slug))).toMatchObject({ state: "running" })
      }),
    )

    it.scopedLive.runIf(subject.kills)("an agent that ignores TERM is killed after 10 s", () =>
      Effect.gen(function* () {
        const { first, slug, begin } = yield* setUp
        yield* begin(plan(slug, "ignores TERM"))
        yield* Stream.runHead(first.logs(slug, 1, true))
        const [took] = yield* Effect.timed(first.stop(slug))
        expect(Duration.toSeconds(took)).toBeGreaterThan(9)
        expect(yield* first.wait(slug)).toBe(137)
      }),
    )

    it.scopedLive("create, start, stop, remove and destroy may be repeated", () =>
      Effect.gen(function* () {
        const { home, first, second, slug, begin } = yield* setUp
        yield* Effect.all([first.stop(slug), first.remove(slug), first.destroy(slug)])
        yield* serveNeck(home, slug)
        const works = plan(slug, "works")
        const once = yield* first.create(works)
        const begun = Date.now()
        const box = Option.getOrThrow(yield* second.inspect(slug))
        expect(box).toMatchObject({ slug, state: "created" })
        expect(Math.abs((box.createdAt ?? 0) - begun)).toBeLessThan(30_000)
        expect(yield* second.create(works)).toEqual(once)
        yield* begin(works)
        yield* first.start(slug)
        expect(yield* second.create(works)).toEqual(once)
        expect(Option.getOrThrow(yield* first.inspect(slug))).toMatchObject({ state: "running" })
        yield* first.stop(slug)
        yield* first.stop(slug)
        expect(Option.getOrThrow(yield* first.inspect(slug))).toMatchObject({ state: "exited" })
        yield* first.destroy(slug)
        yield* first.destroy(slug)
        expect(yield* first.inspect(slug)).toEqual(Option.none())
      }),
    )

    it.scopedLive("files come out of a bottle that runs, has exited or is frozen, as a tar", () =>
      Effect.gen(function* () {
        const { first, second, slug, begin } = yield* setUp
        const copied = (artifact: Option.Option<string>) =>
          Effect.map(Stream.runCollect(second.copyOut(slug, { path: "memory", artifact })), (bytes) =>
            text(bytes).replaceAll("\0", ""),
          )
        yield* begin(plan(slug, "remembers and works"))
        yield* Stream.runHead(first.logs(slug, 1, true))
        expect(yield* copied(Option.none())).toContain("memory")
        yield* first.stop(slug)
        expect(yield* copied(Option.none())).toContain("memory")
        const artifact = Option.some(yield* first.freeze(slug, 1))
        yield* first.remove(slug)
        expect(yield* copied(artifact)).toContain("memory")
        expect(yield* Effect.flip(copied(Option.none()))).toMatchObject({ operation: "copy", target: slug })
        expect((yield* first.list).map((bottle) => bottle.slug)).not.toContain(slug)
      }),
    )

    it.scopedLive("there is no shell in a bottle whose agent does not run", () =>
      Effect.gen(function* () {
        const { first, slug, begin } = yield* setUp
        expect(yield* Effect.flip(first.shell(slug))).toMatchObject({ operation: "shell", target: slug })
        yield* begin(plan(slug, "greets"))
        yield* first.wait(slug)
        expect(yield* Effect.flip(first.shell(slug))).toMatchObject({ operation: "shell", target: slug })
      }),
    )

    it.scopedLive("a bottle that runs is destroyed too", () =>
      Effect.gen(function* () {
        const { first, second, slug, begin } = yield* setUp
        yield* begin(plan(slug, "works"))
        yield* second.destroy(slug)
        expect(yield* first.inspect(slug)).toEqual(Option.none())
      }),
    )

    it.scopedLive(
      "what never ran or still runs is not frozen, and what is unknown is an error to wait for",
      () =>
        Effect.gen(function* () {
          const { home, first, slug, begin } = yield* setUp
          expect(yield* Effect.flip(first.wait(slug))).toMatchObject({ _tag: "BackendFailure" })
          expect(yield* Effect.flip(first.start(slug))).toMatchObject({ _tag: "BackendFailure" })
          yield* serveNeck(home, slug)
          yield* first.create(plan(slug, "works"))
          expect(yield* Effect.flip(first.freeze(slug, 1))).toMatchObject({ _tag: "FreezeFailed", slug })
          expect(yield* Effect.flip(first.wait(slug))).toMatchObject({ _tag: "BackendFailure" })
          yield* begin(plan(slug, "works"))
          expect(yield* Effect.flip(first.freeze(slug, 1))).toMatchObject({ _tag: "FreezeFailed", slug })
        }),
    )
  })
}
