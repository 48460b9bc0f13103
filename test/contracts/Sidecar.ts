/** What every Sidecar does, however its necks are served, and what it leaves. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer, Option, Redacted } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pushPatterns } from "../../src/domain/PushPolicy.ts"
import type { QueueEvent } from "../../src/domain/QueueEvent.ts"
import { Slug } from "../../src/domain/Slug.ts"
import { Home, homeAt } from "../../src/layers/home/Home.ts"
import type { AssignedForge } from "../../src/domain/Assignment.ts"
import { BottleEvents } from "../../src/services/BottleEvents.ts"
import { DeployKeys } from "../../src/services/DeployKeys.ts"
import { type ForgeEnv, withForgeEnv } from "../../src/services/ForgeEnv.ts"
import { ObjectStores } from "../../src/services/ObjectStores.ts"
import { OperationLogs } from "../../src/services/OperationLogs.ts"
import { RunDirectories } from "../../src/services/RunDirectories.ts"
import { Sidecar, type SidecarConfig } from "../../src/services/Sidecar.ts"
import type { SidecarServices } from "../../src/services/SidecarServices.ts"

const TOKEN = "0123456789abcdef0123456789abcdef01234567"

/** A config that serves nothing but `signal_done`, or a forge. */
export const configOf = (slug: string, forge?: AssignedForge): SidecarConfig => ({
  slug: Slug.make(slug),
  ...(forge !== undefined && { forge }),
  push: pushPatterns(slug),
  routes: {},
  egress: { allow: [] },
  git: {},
  loopback: false,
})

/** The issue 17 of `ada/cellar` at that forge. */
export const cellarAt = (apiUrl: string, token: string): AssignedForge => ({
  target: { kind: "gitea", apiUrl, owner: "ada", repo: "cellar", token: Redacted.make(token) },
  assignment: { issueNumber: 17 },
})

/** FORGE_* variables that are complete; the forge is nowhere. */
export const forgeEnv: ForgeEnv = {
  FORGE_GITEA_API: "http://127.0.0.1:9/api/v1",
  FORGE_GITEA_TOKEN: Redacted.make(TOKEN),
  FORGE_OWNER: "ada",
  FORGE_REPO: "cellar",
  FORGE_ISSUE_NUMBER: "17",
  FORGE_PR_NUMBER: "",
  FORGE_WATCHDOG_TIMEOUT: "30 minutes",
}

/** A home in a directory of its own, gone with the layer. */
export const temporaryHome: Layer.Layer<Home> = Layer.scoped(
  Home,
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "bb-"))),
      (root) => Effect.sync(() => rmSync(root, { recursive: true, force: true })),
    ),
    (root) => homeAt(root),
  ),
)

const exit = (slug: Slug, code: number): QueueEvent => ({
  version: 1,
  slug,
  at: "2026-11-20T08:00:00.000Z",
  kind: "exit",
  run: 1,
  code,
})

/** Runs the suite over a layer. */
export const sidecarContract = (name: string, fresh: Layer.Layer<SidecarServices, never, never>) => {
  const check = <E>(title: string, effect: Effect.Effect<void, E, SidecarServices | Home>) =>
    it.live(title, () => Effect.provide(effect, Layer.provideMerge(fresh, temporaryHome)))

  describe(`Sidecar over ${name}`, () => {
    check(
      "launches a sidecar that is found, alive, until it is stopped",
      Effect.gen(function* () {
        const sidecar = yield* Sidecar
        const config = configOf("door-abcde")
        expect(yield* sidecar.find(config.slug)).toEqual(Option.none())
        const handle = yield* sidecar.launch(config)
        expect(yield* handle.alive).toBe(true)
        const found = Option.getOrThrow(yield* sidecar.find(config.slug))
        expect(found.socketPath).toBe(handle.socketPath)
        expect(yield* sidecar.find(Slug.make("other-abcde"))).toEqual(Option.none())
        yield* found.stop
        expect(yield* handle.alive).toBe(false)
        expect(yield* sidecar.find(config.slug)).toEqual(Option.none())
        yield* found.stop
      }),
    )

    check(
      "can be launched again after it was stopped",
      Effect.gen(function* () {
        const sidecar = yield* Sidecar
        for (let round = 0; round < 3; round++) {
          const handle = yield* sidecar.launch(configOf("door-abcde"))
          yield* handle.stop
        }
      }),
    )

    check(
      "says which FORGE_ variable is missing or malformed, before anything is made",
      Effect.gen(function* () {
        const sidecar = yield* Sidecar
        const { FORGE_OWNER: _, ...withoutOwner } = forgeEnv
        const cases: ReadonlyArray<readonly [string, ForgeEnv]> = [
          ["FORGE_OWNER", withoutOwner],
          ["FORGE_GITEA_API", { ...forgeEnv, FORGE_GITEA_API: "git.example.org" }],
          ["FORGE_GITEA_TOKEN", { ...forgeEnv, FORGE_GITEA_TOKEN: "" }],
          ["FORGE_ISSUE_NUMBER", { ...forgeEnv, FORGE_ISSUE_NUMBER: "seventeen" }],
          ["FORGE_PR_NUMBER", { ...forgeEnv, FORGE_PR_NUMBER: "-1" }],
        ]
        for (const [variable, env] of cases) {
          expect(yield* Effect.flip(withForgeEnv(env)(sidecar.variables.assigned))).toMatchObject({
            _tag: "ForgeConfigInvalid",
            variable,
          })
        }
        yield* sidecar.check(
          configOf("door-abcde", yield* withForgeEnv(forgeEnv)(sidecar.variables.assigned)),
        )
        yield* sidecar.check(configOf("door-abcde"))
      }),
    )

    check(
      "keeps events in order until each is settled",
      Effect.gen(function* () {
        const queue = yield* BottleEvents
        const slug = Slug.make("door-abcde")
        expect(yield* queue.events(slug)).toEqual([])
        expect(yield* queue.append(exit(slug, 0))).toBe(1)
        expect(yield* queue.append(exit(slug, 137))).toBe(2)
        expect((yield* queue.events(slug)).map(({ number, event }) => [number, event])).toEqual([
          [1, exit(slug, 0)],
          [2, exit(slug, 137)],
        ])
        yield* queue.settle(slug, 1)
        yield* queue.settle(slug, 1)
        yield* queue.settle(slug, 2)
        expect(yield* queue.events(slug)).toEqual([])
        expect(yield* queue.append(exit(slug, 1))).toBe(3)
      }),
    )

    check(
      "knows nothing of a slug that it forgot",
      Effect.gen(function* () {
        const queue = yield* BottleEvents
        const logs = yield* OperationLogs
        const directories = yield* RunDirectories
        const slug = Slug.make("door-abcde")
        yield* queue.append(exit(slug, 0))
        yield* directories.forget(slug)
        yield* directories.forget(slug)
        expect(yield* queue.events(slug)).toEqual([])
        expect(yield* queue.lastCheckin(slug)).toEqual(Option.none())
        expect(yield* logs.log(slug)).toEqual([])
        expect(yield* logs.verifyLog(slug)).toEqual({
          ok: true,
          lines: 0,
          head: "0".repeat(64),
          problems: [],
        })
      }),
    )

    check(
      "knows of no keys, stores and run directories in a new home, and removing one that is not there is ok",
      Effect.gen(function* () {
        const stores = yield* ObjectStores
        const directories = yield* RunDirectories
        expect(yield* (yield* DeployKeys).leftKeys).toEqual([])
        expect(yield* stores.unusedStores).toEqual([])
        yield* stores.removeStore("0123abcd")
        expect(yield* directories.leftRuns([])).toEqual([])
        yield* directories.removeRun("aaaaa")
        yield* directories.clear(Slug.make("door-abcde"))
        expect(yield* (yield* Sidecar).list).toEqual([])
      }),
    )
  })
}

/** The part of the suite for sidecars that serve a real socket. */
export const servingSidecarContract = (
  name: string,
  fresh: Layer.Layer<SidecarServices>,
  call: (socketPath: string, method: string, params: unknown) => Effect.Effect<unknown, Error>,
) =>
  describe(`Sidecar over ${name}, serving`, () => {
    it.live("leaves what the agent did: events, check-in, and a log that can be verified", () =>
      Effect.gen(function* () {
        const sidecar = yield* Sidecar
        const queue = yield* BottleEvents
        const logs = yield* OperationLogs
        const { slug, ...config } = configOf("door-abcde", cellarAt("http://127.0.0.1:9/api/v1", TOKEN))
        const { socketPath, stop } = yield* sidecar.launch({ slug, ...config })
        const done = { status: "success", summary: "closed" }
        expect(yield* call(socketPath, "signal_done", done)).toMatchObject({ result: null })
        expect(yield* call(socketPath, "read_issue", { number: 17 })).toMatchObject({
          error: { code: -32003 },
        })
        expect(yield* call(socketPath, "post_comment", { number: 500, body: "x" })).toMatchObject({
          error: { code: -32001 },
        })
        expect((yield* queue.events(slug)).map(({ event }) => event)).toMatchObject([
          { kind: "done", slug, ...done },
          { kind: "blocked-write", slug, number: 500, writable: [17] },
        ])
        expect(Option.isSome(yield* queue.lastCheckin(slug))).toBe(true)
        yield* stop
        expect(yield* logs.verifyLog(slug)).toMatchObject({ ok: true, lines: 4, problems: [] })
        const log = (yield* logs.log(slug)).join("\n")
        expect(log).not.toContain("0123456789abcdef0123456789abcdef01234567")
      }).pipe(Effect.provide(Layer.provideMerge(fresh, temporaryHome))),
    )

    it.live("refuses a second sidecar on the same socket, and the first goes on", () =>
      Effect.gen(function* () {
        const sidecar = yield* Sidecar
        const config = configOf("door-abcde")
        const handle = yield* sidecar.launch(config)
        const refused = yield* Effect.flip(sidecar.launch(config))
        expect(refused).toMatchObject({ _tag: "SidecarError", slug: "door-abcde" })
        expect(refused.message).toContain("another process serves")
        expect(
          yield* call(handle.socketPath, "signal_done", { status: "blocked", summary: "x" }),
        ).toMatchObject({ result: null })
        yield* handle.stop
      }).pipe(Effect.provide(Layer.provideMerge(fresh, temporaryHome))),
    )

    it.live("refuses a repository whose credential it has not, before anything is made", () =>
      Effect.gen(function* () {
        const sidecar = yield* Sidecar
        const git = { cellar: { url: "https://git.example/cellar.git", key: { provider: "gitea" } } } as const
        const config = { ...configOf("door-abcde"), git }
        expect((yield* Effect.flip(sidecar.check(config))).message).toContain(
          'git "cellar": key.provider gitea',
        )
        expect((yield* Effect.flip(sidecar.launch(config))).message).toContain(
          'git "cellar": key.provider gitea',
        )
        expect((yield* sidecar.find(config.slug))._tag).toBe("None")
      }).pipe(Effect.provide(Layer.provideMerge(fresh, temporaryHome))),
    )
  })
