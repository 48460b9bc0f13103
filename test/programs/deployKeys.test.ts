/** Deploy keys in the programs: when a launch may have them, and what happens to those that are left. */
import { describe, expect, it } from "@effect/vitest"
import { Context, Effect, Fiber, Logger, Option, TestClock } from "effect"
import { RunKey } from "../../src/domain/DeployKey.ts"
import { Slug } from "../../src/domain/Slug.ts"
import { collectGarbage } from "../../src/programs/collectGarbage.ts"
import type { GarbageEvent } from "../../src/programs/collectGarbage.ts"
import { destroy } from "../../src/programs/destroy.ts"
import { freeze } from "../../src/programs/freeze.ts"
import { resumeInteractive, startInteractive } from "../../src/programs/interactive.ts"
import { launch, planStart, prepareStart } from "../../src/programs/launch.ts"
import { listBottles } from "../../src/programs/listBottles.ts"
import { orchestrateStart } from "../../src/programs/orchestrateStart.ts"
import { resumeHeadless } from "../../src/programs/resumeHeadless.ts"
import { startHeadless } from "../../src/programs/startHeadless.ts"
import { DeployKeys } from "../../src/services/DeployKeys.ts"
import { Sidecar } from "../../src/services/Sidecar.ts"
import { stop } from "../../src/programs/stop.ts"
import { endless, forgeVariables, inWorld } from "./world.ts"

const bottle = {
  git: {
    cellar: {
      url: "git@git.example:ada/cellar.git",
      key: { provider: "gitea" },
      knownHost: "git.example ssh-ed25519 AAAA",
    },
  },
} as const
const forgeEnv = forgeVariables

const keyOf = (slug: string, more: Partial<ConstructorParameters<typeof RunKey>[0]> = {}) =>
  new RunKey({
    name: `${slug}.00`,
    slug: Slug.make(slug),
    apiUrl: forgeVariables["FORGE_GITEA_API"] ?? "",
    owner: "ada",
    repo: "cellar",
    title: `bot-bottle ${slug} 00`,
    publicKey: "ssh-ed25519 AAAA",
    readOnly: false,
    id: Option.some(7),
    createdAt: "1970-01-01T00:00:00.000Z",
    ...more,
  })

/** What is logged while an effect runs. */
const logged = <A, E, R>(effect: Effect.Effect<A, E, R>) => {
  const lines: Array<string> = []
  const logger = Logger.make(({ message }) => void lines.push(String(message)))
  return Effect.map(Effect.provide(effect, Logger.replace(Logger.defaultLogger, logger)), (value) => ({
    value,
    lines,
  }))
}

describe("a launch that takes deploy keys", () => {
  it.effect("is refused without a forge, whether or not it was agreed to, and leaves nothing", () =>
    inWorld(
      {},
      ({ sidecar }) =>
        Effect.gen(function* () {
          for (const registerKeys of [true, false])
            expect(yield* Effect.flip(startHeadless("worker", { prompt: "x", registerKeys }))).toMatchObject({
              _tag: "LaunchRefused",
              reason: expect.stringContaining("orchestrate start"),
            })
          const never = () => Effect.dieMessage("asked in vain")
          expect((yield* Effect.flip(startInteractive("worker", {}, never)))._tag).toBe("LaunchRefused")
          expect([yield* listBottles(), sidecar.launches]).toEqual([[], []])
        }),
      { bottle },
    ),
  )

  it.effect("is refused when it was not agreed to, at start and at resume, and goes on when it was", () =>
    inWorld(
      {},
      ({ sidecar }) =>
        Effect.gen(function* () {
          const start = (registerKeys: boolean) =>
            startHeadless("worker", { prompt: "x", forgeEnv, registerKeys })
          expect(yield* Effect.flip(start(false))).toMatchObject({
            _tag: "LaunchRefused",
            reason: expect.stringMatching(/deploy key of ada\/cellar that may push.*--yes/),
          })
          expect([yield* listBottles(), sidecar.launches]).toEqual([[], []])
          const slug = yield* start(true)
          yield* freeze(slug)
          const again = { prompt: "y", registerKeys: false }
          // The options of a resume by a program have its forge, too.
          expect(yield* Effect.flip(resumeHeadless(slug, { ...again, forgeEnv }))).toMatchObject({
            _tag: "LaunchRefused",
            reason: expect.stringContaining("--yes"),
          })
          expect(sidecar.launches).toHaveLength(1)
          yield* resumeHeadless(slug, { ...again, registerKeys: true, forgeEnv })
          expect(sidecar.launches).toHaveLength(2)
        }),
      { bottle },
    ),
  )

  it.effect("shows them in the plan that is asked about; orchestrated, it is agreed to", () =>
    inWorld(
      {},
      ({ sidecar }) =>
        Effect.gen(function* () {
          const keys = [{ name: "cellar", owner: "ada", repo: "cellar", readOnly: false }]
          const prepared = yield* prepareStart("worker", { forgeEnv }, Option.none())
          expect((yield* planStart(prepared)).keys).toEqual(keys)
          const declined = (plan: { readonly keys?: unknown }) => {
            expect(plan.keys).toEqual(keys)
            return Effect.fail("declined")
          }
          expect(yield* Effect.flip(startInteractive("worker", { forgeEnv }, declined))).toBe("declined")
          expect(sidecar.launches).toEqual([])
          const slug = yield* orchestrateStart({ agent: "worker", prompt: "x" })
          yield* freeze(slug)
          expect(yield* Effect.flip(resumeInteractive(slug, { forgeEnv }, declined))).toBe("declined")
          expect(sidecar.launches).toHaveLength(1)
        }),
      { bottle },
    ),
  )
})

describe("a deploy key that is left", () => {
  it.effect("is told by freeze and destroy, and outlives the bottle's row", () =>
    inWorld({}, ({ sidecar }) =>
      Effect.gen(function* () {
        const slug = yield* launch("worker", { prompt: "x" })
        sidecar.keys.push(keyOf(slug), keyOf("other-abcde"))
        const { lines } = yield* logged(freeze(slug))
        expect(lines).toContainEqual(expect.stringMatching(/"bot-bottle worker-.{5} 00" \(number 7\) of ada/))
        expect(lines.join()).not.toContain("other-abcde")
        expect((yield* logged(destroy(slug))).lines).toContainEqual(expect.stringContaining("may still be"))
        expect(yield* listBottles()).toEqual([])
        expect(sidecar.keys).toHaveLength(2)
      }),
    ),
  )

  it.effect("is revoked by the next orchestrated launch at that forge, and by no other", () =>
    inWorld({}, ({ sidecar }) =>
      Effect.gen(function* () {
        const elsewhere = keyOf("far-abcde", { apiUrl: "https://other.example/api/v1" })
        sidecar.keys.push(keyOf("gone-abcde"), elsewhere)
        yield* startHeadless("worker", { prompt: "x" })
        expect(sidecar.keys).toHaveLength(2)
        yield* orchestrateStart({ agent: "worker", prompt: "x" })
        expect(sidecar.keys).toEqual([elsewhere])
      }),
    ),
  )

  it.effect(
    "is revoked by the watcher of an orchestrated run, of a sidecar that died under it, and at its end",
    () =>
      inWorld(endless, ({ sidecar }) =>
        Effect.gen(function* () {
          const run = yield* Effect.fork(Effect.flip(orchestrateStart({ agent: "worker", prompt: "x" })))
          yield* TestClock.adjust("5 seconds")
          const slug = Slug.make((yield* listBottles())[0]?.slug ?? "")
          sidecar.keys.push(keyOf(slug))
          yield* sidecar.kill(slug)
          yield* TestClock.adjust("5 seconds")
          expect([sidecar.launches.length, sidecar.keys]).toEqual([2, []])
          sidecar.keys.push(keyOf(slug))
          yield* stop(slug)
          yield* TestClock.adjust("5 seconds")
          yield* Fiber.join(run)
          expect(sidecar.keys).toEqual([])
        }),
      ),
  )

  it.effect(
    "of a launch that failed is revoked as it is taken back, and a silent forge holds nothing up",
    () =>
      Effect.forEach([false, true], (silent) =>
        inWorld({ fail: (step) => (step === "start" ? Option.some("boom") : Option.none()) }, ({ sidecar }) =>
          Effect.gen(function* () {
            const key = keyOf("gone-abcde")
            const real = sidecar.sidecar
            // The sidecar was killed while it was being launched.
            const launch: typeof real.launch = (config) =>
              Effect.tap(real.launch(config), () => Effect.sync(() => void sidecar.keys.push(key)))
            const realKeys = Context.get(sidecar.services, DeployKeys)
            const revokeKey = silent ? () => Effect.never : realKeys.revokeKey
            const start = orchestrateStart({ agent: "worker", prompt: "x" }).pipe(
              Effect.provideService(Sidecar, { ...real, launch }),
              Effect.provideService(DeployKeys, { ...realKeys, revokeKey }),
              Effect.exit,
            )
            const ending = yield* Effect.fork(logged(start))
            yield* TestClock.adjust("25 seconds")
            const { value, lines } = yield* Fiber.join(ending)
            expect(value._tag).toBe("Failure")
            expect(sidecar.keys).toEqual(silent ? [key] : [])
            if (silent) expect(lines.join()).toContain("did not answer within 10 seconds")
          }),
        ),
      ),
  )

  it.effect("is garbage: gc tells it, fails without a token, and revokes it with one", () =>
    inWorld({}, ({ sidecar }) =>
      Effect.gen(function* () {
        sidecar.keys.push(keyOf("gone-abcde"))
        const events: Array<GarbageEvent> = []
        const collect = (more: Parameters<typeof collectGarbage>[0]) =>
          collectGarbage({ ...more, observe: (event) => Effect.sync(() => void events.push(event)) })
        yield* collect({ dryRun: true, forgeEnv })
        expect(yield* Effect.flip(collect({}))).toMatchObject({ _tag: "ForgeConfigInvalid" })
        expect(sidecar.keys).toHaveLength(1)
        yield* collect({ forgeEnv })
        expect(events.map(({ kind, slug, outcome }) => [kind, slug, outcome])).toEqual(
          ["found", "failed", "removed"].map((outcome) => ["key", "gone-abcde", outcome]),
        )
        expect(sidecar.keys).toEqual([])
      }),
    ),
  )
})
