/** The orchestrator as a layer: what its configuration lists is served, from whatever says that something happened. */
import { expect, it } from "@effect/vitest"
import { Context, Effect, Layer, Option, Redacted, Stream, TestClock } from "effect"
import { decodeConfiguration } from "../../src/domain/orchestrator/ConfigurationFile.ts"
import { HostName } from "../../src/domain/orchestrator/StoredOperation.ts"
import * as Orchestrator from "../../src/orchestrator/Orchestrator.ts"
import { servedBy } from "../../src/orchestrator/served.ts"
import { LifeCycleEngine } from "../../src/services/LifeCycleEngine.ts"
import { sqliteStores } from "../support/lifeStores.ts"
import { hint, issue, kept, makeWorld, says, prOf, targets } from "./world.ts"

const token = Redacted.make("0123456789abcdef0123456789abcdef01234567")

const configured = (more: object = {}) =>
  decodeConfiguration("orchestrator.yaml", {
    forge: { api: "http://git.example/api/v1/", token: { env: "TOKEN" }, trustOrg: "acme" },
    repositories: { "ada/*": { limits: { running: 3 } }, "ada/cellar": { agents: ["carpenter"] } },
    settle: "5 seconds",
    limits: { running: 4, perRepository: 2 },
    ...more,
  })

it.scoped(
  "an issue whose hint comes from a stream is carried to its frozen bottle, and resumed by settings",
  () =>
    Effect.gen(function* () {
      const stores = yield* sqliteStores
      const world = yield* makeWorld({ stores })
      yield* targets(world)
      const scope = yield* Effect.scope
      const built = yield* Orchestrator.layer({
        configuration: yield* configured({ forge: { api: issue.forge, token: { env: "TOKEN" } } }),
        token,
        host: HostName.make("host-a"),
        poll: "5 seconds",
        hints: [Stream.fail("this one is broken"), Stream.make(hint("label"))],
      }).pipe(Layer.buildWithScope(scope), Effect.provide(world.context))
      const engine = Context.get(built, LifeCycleEngine)
      yield* TestClock.adjust("30 seconds")
      yield* engine.idle
      expect(yield* kept(world)).toMatchObject({ phase: "frozen", runs: [1], open: 0 })
      yield* says(world, "ada", prOf(world), "Use oak.")
      yield* engine.hint(hint("comment"))
      yield* TestClock.adjust("30 seconds")
      yield* engine.idle
      expect(yield* kept(world)).toMatchObject({ phase: "frozen", runs: [2], consumed: 1 })
    }),
)

it.effect("what the configuration lists is served by its settings; another repository or forge is not", () =>
  Effect.gen(function* () {
    const served = servedBy(yield* configured(), { token })
    const at = (owner: string, repo: string, forge: string = issue.forge) =>
      served.find({ forge, owner, repo })
    expect(served.running).toBe(4)
    expect(Option.getOrThrow(at("Ada", "Cellar"))).toMatchObject({
      target: { kind: "gitea", apiUrl: issue.forge, owner: "Ada", repo: "Cellar" },
      life: { settle: 5_000, agents: ["carpenter"], paused: false },
      trustOrg: "acme",
      running: 2,
    })
    expect(Option.getOrThrow(at("ada", "attic"))).toMatchObject({ running: 3 })
    expect(at("eve", "cellar")).toEqual(Option.none())
    expect(at("ada", "cellar", "http://other.example/api/v1")).toEqual(Option.none())
  }),
)
