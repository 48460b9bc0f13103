/** A sidecar that dies under an agent at work: a real process, killed under a bottle that the orchestrator serves. */
import { beforeAll, expect, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { mkdirSync, rmSync } from "node:fs"
import { vi } from "vitest"
import { Slug } from "../../../src/domain/Slug.ts"
import { BottleStore } from "../../../src/services/BottleStore.ts"
import { shellAgent } from "../../support/cli.ts"
import { describeDocker, docker } from "../../support/docker.ts"
import { sidecarsOf } from "../../support/faults.ts"
import { demoImageForTests } from "../../support/images.ts"
import { servedHome } from "../../support/servedHome.ts"

vi.setConfig({ testTimeout: 180_000 })

describeDocker("an agent whose sidecar is killed", () => {
  let image = ""
  beforeAll(async () => {
    image = await demoImageForTests()
  })

  const served = Effect.gen(function* () {
    const home = yield* servedHome({
      env: {},
      manifests: {
        "agents/worker.md": shellAgent(
          "until [ -e /tmp/go ]; do sleep 0.2; done; forge signal-done success fine",
        ),
        "bottles/plain.yaml": `image: ${image}\n`,
      },
    })
    const first = yield* home.serve
    yield* home.labels
    yield* first.engine.hint(home.hint("label"))
    const { bottle } = yield* home.until(({ state }) => state?.phase === "running")
    const slug = bottle?.slug ?? Slug.make("none")
    const pids = () => sidecarsOf({ home: home.root }, slug)
    return {
      home,
      first,
      slug,
      /** Kills it; ends when it is gone, and another one serves or none is to come. */
      kill: Effect.fnUntraced(function* (first: () => void = () => undefined) {
        const before = pids()
        first()
        for (const pid of before) process.kill(pid, "SIGKILL")
        expect(before).toHaveLength(1)
        yield* home.until(
          ({ bottle }) => bottle?.trouble.sidecar === "failed" || pids().some((pid) => !before.includes(pid)),
        )
        yield* Effect.flatMap(BottleStore, ({ leases }) => leases(slug)).pipe(
          Effect.repeat({
            until: ({ operation }) => operation === undefined,
            schedule: Schedule.spaced("50 millis"),
          }),
          Effect.provide(home.context),
        )
      }),
      finishes: Effect.sync(() =>
        docker("exec", docker("ps", "-q", "--filter", `label=bot-bottle.slug=${slug}`), "touch", "/tmp/go"),
      ),
      frozen: home.until(({ state }) => state?.frozen?.run === 1),
    }
  })

  it.scopedLive("has another one, and comes to its end", () =>
    Effect.gen(function* () {
      const { home, kill, finishes, frozen } = yield* served
      yield* kill()
      yield* finishes
      expect((yield* frozen).state?.frozen).toEqual({ cause: "done", run: 1 })
      expect(yield* home.operations).toEqual(["Launch", "Freeze done"])
    }),
  )

  it.scopedLive("is frozen with that reason when it dies again, also after a restart of the service", () =>
    Effect.gen(function* () {
      const { home, first, kill, frozen } = yield* served
      yield* kill()
      yield* first.close
      yield* home.serve
      yield* kill()
      expect((yield* frozen).state?.frozen).toEqual({ cause: "sidecar", run: 1 })
      expect(yield* home.operations).toEqual(["Launch", "Freeze sidecar"])
    }),
  )

  it.scopedLive("is frozen with that reason when no other can be launched", () =>
    Effect.gen(function* () {
      const { home, slug, kill, frozen } = yield* served
      const log = home.home.of(slug).operations
      yield* kill(() => {
        rmSync(log)
        mkdirSync(log)
      })
      expect((yield* frozen).state?.frozen).toEqual({ cause: "sidecar", run: 1 })
      expect(yield* home.operations).toEqual(["Launch", "Freeze sidecar"])
    }),
  )
})
