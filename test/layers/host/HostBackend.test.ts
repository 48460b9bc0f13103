/** The host backend: the contract of every backend, and what is its own. */
import { assert, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { DEFAULT_PIDS } from "../../../src/domain/Plan.ts"
import { Slug } from "../../../src/domain/Slug.ts"
import { Home, homeAt } from "../../../src/layers/home/Home.ts"
import { make } from "../../../src/layers/host/HostBackend.ts"
import * as NodeProcessRunner from "../../../src/layers/process/NodeProcessRunner.ts"
import { self } from "../../../src/layers/process/ProcessIdentity.ts"
import { controlOf } from "../../../src/layers/supervisor/control.ts"
import { backendContract } from "../../contracts/Backend.ts"
import { tempDir } from "../../support/tempDir.ts"

const instances = Effect.gen(function* () {
  const home = homeAt(yield* tempDir)
  const one = make.pipe(Effect.provideService(Home, home), Effect.provide(NodeProcessRunner.layer))
  return { home, first: yield* one, second: yield* one }
})

backendContract({ name: "host", image: () => "", kills: true, instances })

it.scoped(
  "refuses limits that it cannot keep and users that it cannot be, and says that it does not isolate",
  () =>
    Effect.gen(function* () {
      const { first } = yield* instances
      const limits = { memoryBytes: first.defaultMemoryBytes, pids: DEFAULT_PIDS }
      const plan = {
        slug: Slug.make("limits-abcde"),
        backend: "host",
        run: 1,
        image: "",
        rehydrate: false,
        pull: "never",
        workdir: "/workspace",
        limits,
        argv: ["true"],
        env: {},
        prompt: "",
        files: [],
        interactive: false,
      } as const
      yield* first.accepts(plan)
      const refused = [
        { limits: { ...limits, cpus: 1 } },
        { limits: { ...limits, diskBytes: 1 } },
        { limits: { ...limits, memoryBytes: 1 } },
        { limits: { ...limits, pids: 1 } },
        { user: "nobody" },
      ]
      for (const more of refused) {
        const error = yield* Effect.flip(first.accepts({ ...plan, ...more }))
        assert.strictEqual(error.name, "LaunchRefused")
      }
      assert.include(Option.getOrThrow(first.warning), "NO ISOLATION")
      assert.isTrue(first.needsLoopback)
    }),
)

it.scoped("an agent whose supervisor left no word was ended by the machine when that was started anew", () =>
  Effect.gen(function* () {
    const { home, first } = yield* instances
    const slug = Slug.make("boot-abcde")
    const { control, supervisor, exit } = controlOf("host", home, slug)
    mkdirSync(control, { recursive: true })
    const { ending } = first
    if (ending === undefined) return assert.fail("it tells nothing of ends")
    const after = Effect.fnUntraced(function* (bootId: string, code: string) {
      writeFileSync(supervisor, JSON.stringify({ pid: 1, startTime: "1", bootId }))
      if (code === "") rmSync(exit, { force: true })
      else writeFileSync(exit, `${code}\n`)
      return (yield* ending(slug)).by
    })
    const { bootId } = yield* self
    for (const code of ["", "137", "143"]) assert.strictEqual(yield* after("another", code), "machine")
    for (const code of ["0", "3"]) assert.strictEqual(yield* after("another", code), "agent")
    for (const code of ["", "143"]) assert.strictEqual(yield* after(bootId, code), "agent")
  }),
)
