/** The life of a deploy key, with everything that can go wrong in it: it is never left without being told. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Redacted } from "effect"
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { RunKey } from "../../../src/domain/DeployKey.ts"
import * as GiteaForges from "../../../src/layers/gitea/GiteaForges.ts"
import { Home, homeAt } from "../../../src/layers/home/Home.ts"
import * as NodeProcessRunner from "../../../src/layers/process/NodeProcessRunner.ts"
import * as SidecarInProcess from "../../../src/layers/sidecar/SidecarInProcess.ts"
import * as SidecarProcess from "../../../src/layers/sidecar/SidecarProcess.ts"
import { DeployKeys } from "../../../src/services/DeployKeys.ts"
import { RunDirectories } from "../../../src/services/RunDirectories.ts"
import { Sidecar } from "../../../src/services/Sidecar.ts"
import type { SidecarServices } from "../../../src/services/SidecarServices.ts"
import * as GiteaSimulator from "../../../src/simulator/GiteaSimulator.ts"
import { keyOf } from "../../contracts/Forge.ts"
import { cellarAt, configOf } from "../../contracts/Sidecar.ts"
import { TOKEN } from "../../support/gitea.ts"
import { tempDir } from "../../support/tempDir.ts"

const knownHost = "git.example ssh-ed25519 AAAA"
const repository = (repo: string) => ({
  url: `git@git.example:ada/${repo}.git`,
  key: { provider: "gitea" } as const,
  knownHost,
})

/** A forge with two repositories that the bot administers, one that it may only write to, and a home of ours. */
const world = Effect.gen(function* () {
  const sim = yield* GiteaSimulator.make({
    users: [{ login: "bot", token: TOKEN }],
    repos: [
      { owner: "ada", name: "cellar", collaborators: { bot: "admin" } },
      { owner: "ada", name: "docs", collaborators: { bot: "admin" } },
      { owner: "ada", name: "attic", collaborators: { bot: "write" } },
    ],
  })
  const home = homeAt(yield* tempDir)
  const forge = cellarAt(sim.apiUrl, TOKEN)
  return {
    sim,
    home,
    forge,
    config: (...repos: ReadonlyArray<string>) => ({
      ...configOf("door-abcde", forge),
      git: Object.fromEntries(repos.map((repo) => [repo, repository(repo)])),
    }),
    /** Titles of all keys at the forge. */
    keys: () => sim.state.repos.flatMap(({ keys }) => keys.map(({ title }) => title)),
    recorded: () =>
      existsSync(home.keyLedger)
        ? readdirSync(home.keyLedger).map((name) => readFileSync(join(home.keyLedger, name), "utf8"))
        : [],
    halves: () => (existsSync(home.of("door-abcde").keys) ? readdirSync(home.of("door-abcde").keys) : []),
  }
})
type World = Effect.Effect.Success<typeof world>

const layers = {
  "in this process": SidecarInProcess.layer,
  "as a process": Layer.provide(SidecarProcess.layer, NodeProcessRunner.layer),
}

const withWorld =
  (
    layer: Layer.Layer<SidecarServices>,
    test: (world: World) => Effect.Effect<void, unknown, SidecarServices>,
  ) =>
  () =>
    Effect.flatMap(world, (it) =>
      Effect.provide(test(it), Layer.provide(layer, Layer.succeed(Home, it.home))),
    )

/** As if it was recorded so long ago. */
const age = (it: World, minutes: number) => {
  for (const name of readdirSync(it.home.keyLedger)) {
    const path = join(it.home.keyLedger, name)
    const entry = JSON.parse(readFileSync(path, "utf8"))
    entry.key.createdAt = new Date(Date.now() - minutes * 60_000).toISOString()
    writeFileSync(path, JSON.stringify(entry))
  }
}

const only = (keys: ReadonlyArray<RunKey>): RunKey => {
  const [key, ...more] = keys
  if (key === undefined || more.length > 0) throw new Error(`${keys.length} keys`)
  return key
}

for (const [name, layer] of Object.entries(layers)) {
  describe(`a deploy key of a sidecar ${name}`, () => {
    it.scopedLive(
      "is there while it serves: one for each repository, recorded, and gone when it stops; each run has another",
      withWorld(layer, (it) =>
        Effect.gen(function* () {
          const sidecar = yield* Sidecar
          const keys = yield* DeployKeys
          const seen = new Set<string>()
          for (let run = 0; run < 2; run++) {
            const handle = yield* sidecar.launch(it.config("cellar", "docs"))
            expect(it.keys()).toHaveLength(2)
            for (const repo of it.sim.state.repos) for (const { content } of repo.keys) seen.add(content)
            expect(it.halves().sort()).toMatchObject(
              [/^cellar\./, /^docs\./].map((name) => expect.stringMatching(name)),
            )
            expect(it.recorded()).toHaveLength(2)
            expect(it.recorded().join("")).not.toMatch(new RegExp(`PRIVATE|${TOKEN}`))
            expect(statSync(it.home.keyLedger).mode & 0o777).toBe(0o700)
            // In use: nothing to collect.
            expect(yield* keys.leftKeys).toEqual([])
            yield* handle.stop
            expect([it.keys(), it.recorded(), it.halves()]).toEqual([[], [], []])
          }
          expect(seen.size).toBe(4)
        }),
      ),
    )

    it.scopedLive(
      "that the forge refuses is no launch, and leaves nothing: those that it took are revoked",
      withWorld(layer, (it) =>
        Effect.gen(function* () {
          const sidecar = yield* Sidecar
          const error = yield* Effect.flip(sidecar.launch(it.config("cellar", "attic")))
          expect(error.message).toMatch(/git "attic".*ada\/attic.*with 403.*administrator of the repository/)
          // A sidecar that is a process may still be at its clean-up when the launch has failed.
          yield* Effect.promise(() =>
            expect.poll(() => [it.keys(), it.recorded(), it.halves()]).toEqual([[], [], []]),
          )
        }),
      ),
    )

    it.scopedLive(
      "that could not be revoked is told until it is, and only the token of its forge revokes it",
      withWorld(layer, (it) =>
        Effect.gen(function* () {
          const sidecar = yield* Sidecar
          const keys = yield* DeployKeys
          const handle = yield* sidecar.launch(it.config("cellar"))
          it.sim.failNext({ kind: "status", status: 403, method: "DELETE" })
          yield* handle.stop
          const left = only(yield* keys.leftKeys)
          expect(it.halves()).toEqual([])
          expect(left).toMatchObject({ slug: "door-abcde", owner: "ada", repo: "cellar" })
          expect(it.keys()).toEqual([left.title])
          yield* (yield* RunDirectories).forget(handle.slug)
          const fails = (more: object) => Effect.flip(keys.revokeKey(left, { ...it.forge.target, ...more }))
          expect(yield* fails({ apiUrl: "http://127.0.0.1:9/api/v1" })).toMatchObject({
            _tag: "ForgeConfigInvalid",
            message: expect.stringContaining("is a different forge than"),
          })
          expect(yield* fails({ token: Redacted.make("wrong") })).toMatchObject({ status: 401 })
          expect(only(yield* keys.leftKeys)).toEqual(left)
          yield* keys.revokeKey(left, it.forge.target)
          yield* keys.revokeKey(left, it.forge.target)
          expect([it.keys(), it.recorded(), yield* keys.leftKeys]).toEqual([[], [], []])
        }),
      ),
    )
  })
}

describe("a deploy key whose registration went wrong", () => {
  it.scopedLive(
    "is found by its public half, whoever made others meanwhile",
    withWorld(SidecarInProcess.layer, (it) =>
      Effect.gen(function* () {
        const sidecar = yield* Sidecar
        const keys = yield* DeployKeys
        // Registered, and neither the answer nor a listing reaches us.
        it.sim.failNext({ kind: "lost", method: "POST" })
        it.sim.failNext({ kind: "status", status: 500, method: "GET", path: "/keys", times: 99 })
        expect((yield* Effect.flip(sidecar.launch(it.config("cellar")))).message).toContain('git "cellar"')
        it.sim.forget()
        const others = it.sim.state.repo("ada", "cellar")?.keys
        others?.push({ id: 9999, title: "theirs", content: keyOf("B"), readOnly: false, createdAt: "" })
        const left = only(yield* keys.leftKeys)
        expect(left.id._tag).toBe("None")
        expect(it.keys()).toEqual([left.title, "theirs"])
        yield* keys.revokeKey(left, it.forge.target)
        expect([it.keys(), it.recorded()]).toEqual([["theirs"], []])
      }),
    ),
  )

  it.scopedLive(
    "is not taken for gone while its request may be under way",
    withWorld(SidecarInProcess.layer, (it) =>
      Effect.gen(function* () {
        const sidecar = yield* Sidecar
        const keys = yield* DeployKeys
        it.sim.failNext({ kind: "refused", path: "/keys", times: 99 })
        yield* Effect.flip(sidecar.launch(it.config("cellar")))
        it.sim.forget()
        const left = only(yield* keys.leftKeys)
        expect((yield* Effect.flip(keys.revokeKey(left, it.forge.target))).message).toContain("two minutes")
        expect(yield* keys.leftKeys).toHaveLength(1)
        age(it, 3)
        yield* keys.revokeKey(left, it.forge.target)
        expect(it.recorded()).toEqual([])
      }),
    ),
  )

  it.scopedLive(
    "ends in time when the forge says nothing",
    withWorld(
      Layer.provide(SidecarInProcess.layerWith({ registerMs: 700, revokeMs: 300 }), GiteaForges.layer),
      (it) =>
        Effect.gen(function* () {
          const sidecar = yield* Sidecar
          const keys = yield* DeployKeys
          it.sim.failNext({ kind: "slow", path: "/keys", times: 99 })
          const error = yield* Effect.flip(sidecar.launch(it.config("cellar")))
          expect(error.message).toContain("no answer within")
          expect(yield* keys.leftKeys).toHaveLength(1)
        }),
    ),
  )
})

describe("a sidecar process with a deploy key", () => {
  const pidOf = (it: World): number => JSON.parse(it.recorded()[0] ?? "{}").holder.pid

  it.scopedLive(
    "that is killed leaves its key told, and the next one of that bottle has another",
    withWorld(layers["as a process"], (it) =>
      Effect.gen(function* () {
        const sidecar = yield* Sidecar
        const keys = yield* DeployKeys
        const first = yield* sidecar.launch(it.config("cellar"))
        process.kill(pidOf(it), "SIGKILL")
        yield* Effect.repeat(first.alive, { while: (alive) => alive })
        const left = only(yield* keys.leftKeys)
        expect(it.keys()).toEqual([left.title])
        const second = yield* sidecar.launch(it.config("cellar"))
        expect(it.keys()).toHaveLength(2)
        expect(only(yield* keys.leftKeys)).toEqual(left)
        yield* keys.revokeKey(left, it.forge.target)
        expect(it.keys()).toHaveLength(1)
        expect(it.keys()).not.toContain(left.title)
        // The private half that is in use stays.
        expect(it.halves()).toHaveLength(1)
        expect(it.recorded().join("")).toContain(it.halves()[0])
        yield* second.stop
        expect([it.keys(), it.recorded()]).toEqual([[], []])
      }),
    ),
  )

  it.scopedLive(
    "revokes it on SIGTERM, while it serves and while it still registers",
    withWorld(layers["as a process"], (it) =>
      Effect.gen(function* () {
        const sidecar = yield* Sidecar
        const handle = yield* sidecar.launch(it.config("cellar"))
        process.kill(pidOf(it), "SIGTERM")
        yield* Effect.repeat(handle.alive, { while: (alive) => alive })
        yield* handle.stop
        expect([it.keys(), it.recorded()]).toEqual([[], []])
        it.sim.failNext({ kind: "stalled", method: "POST" })
        const launching = yield* Effect.fork(Effect.exit(sidecar.launch(it.config("cellar"))))
        while (it.keys().length === 0) yield* Effect.sleep("20 millis")
        process.kill(pidOf(it), "SIGTERM")
        expect((yield* Fiber.join(launching))._tag).toBe("Failure")
        expect([it.keys(), it.recorded(), it.halves()]).toEqual([[], [], []])
      }),
    ),
  )
})
