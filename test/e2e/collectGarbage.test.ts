/** gc on a real engine: what is ours by its labels and its name goes, what only inherited our labels stays. */
import { expect, it } from "@effect/vitest"
import { Clock, Duration, Effect, Layer, Option } from "effect"
import { collectGarbage } from "../../src/programs/collectGarbage.ts"
import type { GarbageEvent } from "../../src/programs/collectGarbage.ts"
import { BottleMetadata, BottleSpec } from "../../src/domain/Bottle.ts"
import { listBottles } from "../../src/programs/listBottles.ts"
import { BottleStore } from "../../src/services/BottleStore.ts"
import * as FakeBackend from "../../src/testing/FakeBackend.ts"
import { Slug } from "../../src/domain/Slug.ts"
import * as MemoryBottleStore from "../../src/layers/memory/MemoryBottleStore.ts"
import * as MemoryForgeStateStore from "../../src/layers/memory/MemoryForgeStateStore.ts"
import { BackendNotFound } from "../../src/domain/Errors.ts"
import { Backends } from "../../src/services/Backends.ts"
import * as FakeSidecar from "../../src/testing/FakeSidecar.ts"
import { describeDocker, docker, dockerInstances, shellPlan } from "../support/docker.ts"
import { demoImageForTests } from "../support/images.ts"
import { serveNeck } from "../support/neck.ts"

/** The same clock, so much later. */
const laterBy =
  (duration: Duration.DurationInput) =>
  (clock: Clock.Clock): Clock.Clock => ({
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    sleep: (time: Duration.Duration) => clock.sleep(time),
    unsafeCurrentTimeMillis: () => clock.unsafeCurrentTimeMillis() + Duration.toMillis(duration),
    unsafeCurrentTimeNanos: () => clock.unsafeCurrentTimeNanos(),
    currentTimeMillis: Effect.map(clock.currentTimeMillis, (now) => now + Duration.toMillis(duration)),
    currentTimeNanos: clock.currentTimeNanos,
  })

describeDocker("gc on a docker engine", () => {
  it.scopedLive("removes containers and artifacts without a row, and nothing that is another's", () =>
    Effect.gen(function* () {
      const image = yield* Effect.promise(demoImageForTests)
      const { home, first } = yield* dockerInstances()
      const [frozen, exited] = [Slug.make(`gc-${process.pid}-a`), Slug.make(`gc-${process.pid}-b`)]
      for (const slug of [frozen, exited]) {
        yield* Effect.addFinalizer(() => Effect.ignore(first.destroy(slug)))
        yield* serveNeck(home, slug)
        yield* first.create(shellPlan(slug, image, "true"))
        yield* first.start(slug)
        yield* first.wait(slug)
      }
      const artifact = yield* first.freeze(frozen, 1)
      yield* first.remove(frozen)
      const stranger = `gc-${process.pid}-stranger`
      docker("create", "--name", stranger, artifact, "true")
      docker("commit", stranger, `${stranger}:mine`)
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          docker("rm", stranger)
          docker("image", "rm", `${stranger}:mine`)
        }),
      )

      const live = Layer.mergeAll(
        MemoryBottleStore.layer,
        MemoryForgeStateStore.layer,
        FakeSidecar.layer,
        Layer.succeed(
          Backends,
          Backends.of({
            names: ["docker", "podman"],
            get: (name) =>
              name === "docker"
                ? Effect.succeed(first)
                : Effect.fail(new BackendNotFound({ backend: name, known: ["docker"] })),
            workspace: (root) => Effect.succeed({ root, tracked: [], untracked: [] }),
          }),
        ),
      )
      const collect = (clock: Clock.Clock) =>
        Effect.gen(function* () {
          const events: Array<GarbageEvent> = []
          yield* Effect.ignore(
            collectGarbage({ observe: (event) => Effect.sync(() => void events.push(event)) }),
          )
          return events.map(({ kind, slug }) => `${kind} ${slug}`).toSorted()
        }).pipe(Effect.withClock(clock), Effect.provide(live))
      const now = yield* Effect.clock

      expect(yield* collect(now)).toEqual([])
      expect(yield* first.artifacts).toMatchObject([{ slug: frozen, reference: artifact }])
      expect(yield* collect(laterBy("11 minutes")(now))).toEqual([`artifact ${frozen}`, `box ${exited}`])
      expect(yield* first.inspect(exited)).toEqual(Option.none())
      expect(docker("ps", "--all", "--format", "{{.Names}}").split("\n")).toContain(stranger)
      expect(docker("images", "--format", "{{.Repository}}:{{.Tag}}").split("\n")).toContain(
        `${stranger}:mine`,
      )
    }),
  )

  it.scopedLive("removes a row only by the word of the engine that it names, and a frozen one never", () =>
    Effect.gen(function* () {
      const { first } = yield* dockerInstances()
      const engine = yield* first.engine ?? Effect.succeed("")
      expect(engine).toContain(docker("info", "--format", "{{.ID}}"))
      const now = yield* Effect.clock
      const row = (name: string, more: Partial<BottleMetadata>) =>
        new BottleMetadata({
          slug: Slug.make(`gc-${process.pid}-${name}`),
          spec: new BottleSpec({
            agent: "worker",
            bottles: [],
            label: name,
            backend: "docker",
            cwd: "",
            copyCwd: false,
            headless: true,
            forgeTargeted: false,
          }),
          startedAt: Option.some(new Date().toISOString()),
          createdAt: new Date().toISOString(),
          version: "0",
          ...more,
        })
      const rows = [
        row("own", { engine: Option.some(engine) }),
        row("other", { engine: Option.some(`${engine}x`) }),
        row("none", {}),
        row("lost", { engine: Option.some(engine), artifact: Option.some("bot-bottle/gone:run-1") }),
      ]
      yield* Effect.gen(function* () {
        const store = yield* BottleStore
        for (const each of rows) yield* store.put(each)
        yield* collectGarbage().pipe(Effect.withClock(laterBy("11 minutes")(now)))
        const left = yield* listBottles()
        expect(left.map(({ label, state }) => `${label} ${state}`).toSorted()).toEqual([
          "lost lost",
          "none created",
          "other unknown",
        ])
      }).pipe(
        Effect.provide(
          Layer.mergeAll(
            MemoryBottleStore.layer,
            MemoryForgeStateStore.layer,
            FakeSidecar.layer,
            FakeBackend.layer({ backend: first }),
          ),
        ),
      )
    }),
  )
})
