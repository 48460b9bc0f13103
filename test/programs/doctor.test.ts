import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer, Option, Redacted } from "effect"
import { mkdirSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { BackendUnavailable } from "../../src/domain/Errors.ts"
import { homeAt } from "../../src/layers/home/Home.ts"
import { homePermissions, socketPathLength } from "../../src/layers/home/inspectHome.ts"
import { make as makeGitea } from "../../src/layers/gitea/GiteaForge.ts"
import { enoughText } from "../../src/cli/doctor.ts"
import { doctor, forgeChecks } from "../../src/programs/doctor.ts"
import type { DoctorCheck } from "../../src/programs/doctor.ts"
import { Backends } from "../../src/services/Backends.ts"
import { ProcessError, ProcessRunner } from "../../src/services/ProcessRunner.ts"
import * as FakeBackend from "../../src/testing/FakeBackend.ts"
import * as GiteaSimulator from "../../src/simulator/GiteaSimulator.ts"
import { tempDir } from "../support/tempDir.ts"

const runner = (git: boolean) =>
  Layer.succeed(ProcessRunner, {
    run: ({ command }) =>
      git
        ? Effect.succeed({ exitCode: 0, stdout: `${command} version 2.39.5\n`, stderr: "" })
        : Effect.fail(new ProcessError({ command, reason: "not-found", detail: "no such program" })),
    stream: () => Effect.dieMessage("not asked"),
    interactive: () => Effect.dieMessage("not asked"),
    detached: () => Effect.dieMessage("not asked"),
    waiting: () => Effect.dieMessage("not asked"),
  })

/** A world of backends by name: working, working without isolation, or not there. */
const examine = (
  backends: Readonly<Record<string, "works" | "open" | "gone">>,
  checks: ReadonlyArray<DoctorCheck> = [],
  git = true,
) =>
  Effect.gen(function* () {
    const { backend } = yield* FakeBackend.make()
    const layer = Layer.succeed(
      Backends,
      Backends.of({
        names: Object.keys(backends),
        get: (name) =>
          backends[name] === "gone"
            ? Effect.fail(new BackendUnavailable({ backend: name, reason: "not installed" }))
            : Effect.succeed({
                ...backend,
                warning: backends[name] === "open" ? Option.some("open") : Option.none(),
              }),
        workspace: (root) => Effect.succeed({ root, tracked: [], untracked: [] }),
      }),
    )
    const findings = yield* doctor(checks).pipe(Effect.provide(Layer.merge(layer, runner(git))))
    return findings.map(({ subject, status }) => [subject, status])
  })

describe("doctor", () => {
  it.effect("is content with one backend that isolates", () =>
    Effect.gen(function* () {
      expect(yield* examine({ docker: "works", podman: "gone", host: "open" })).toEqual([
        ["backend docker", "ok"],
        ["backend podman", "absent"],
        ["backend host", "ok"],
        ["git", "ok"],
      ])
    }),
  )

  it.effect("misses one backend that isolates when there is none, and git", () =>
    Effect.gen(function* () {
      expect(yield* examine({ docker: "gone", podman: "gone", host: "open" }, [], false)).toEqual([
        ["backend docker", "missing"],
        ["backend podman", "absent"],
        ["backend host", "ok"],
        ["git", "missing"],
      ])
    }),
  )

  it.effect("goes on after a check that fails, and tells what is needed from what is not", () =>
    Effect.gen(function* () {
      const ask = Effect.fail({ message: "nothing there" })
      const checks: ReadonlyArray<DoctorCheck> = [
        { subject: "a", needed: true, todo: "make it", ask },
        { subject: "b", needed: false, todo: "", ask },
        { subject: "c", needed: true, todo: "", ask: Effect.succeed("there") },
      ]
      expect((yield* examine({ docker: "works" }, checks)).slice(2)).toEqual([
        ["a", "missing"],
        ["b", "absent"],
        ["c", "ok"],
      ])
    }),
  )
})

const TOKEN = "0123456789abcdef0123456789abcdef01234567"
interface World {
  readonly member: boolean
  readonly permission: "read" | "write" | "admin"
  readonly token?: string
}
const checksOfForge = (world: World) =>
  Effect.gen(function* () {
    const forge = yield* GiteaSimulator.make({
      users: [{ login: "bot", token: TOKEN }, { login: "ada" }],
      orgs: [{ name: "bot-bottle", members: world.member ? ["bot"] : ["ada"] }],
      repos: [{ owner: "ada", name: "cellar", collaborators: { bot: world.permission }, issues: [] }],
    })
    const api = yield* makeGitea({
      apiUrl: forge.apiUrl,
      owner: "ada",
      repo: "cellar",
      token: Redacted.make(world.token ?? TOKEN),
      org: "bot-bottle",
    })
    return forgeChecks(api, "bot-bottle")
  })

const askForge = (world: World) =>
  Effect.gen(function* () {
    const asked = yield* Effect.forEach(yield* checksOfForge(world), ({ subject, ask }) =>
      Effect.map(Effect.either(ask), ({ _tag }) => [subject, _tag]),
    )
    return Object.fromEntries(asked)
  })

describe("doctor of a forge", () => {
  it.scopedLive("finds the token's user, the repository, what it may write and its organisation", () =>
    Effect.gen(function* () {
      expect(new Set(Object.values(yield* askForge({ member: true, permission: "admin" })))).toEqual(
        new Set(["Right"]),
      )
    }),
  )

  it.scopedLive("needs no administrator, without whom there are no deploy keys", () =>
    Effect.gen(function* () {
      const asked = yield* askForge({ member: true, permission: "write" })
      expect(Object.entries(asked).filter(([, found]) => found === "Left")).toEqual([
        ["forge deploy keys", "Left"],
      ])
    }),
  )

  it.scopedLive("misses a membership and a permission", () =>
    Effect.gen(function* () {
      expect(yield* askForge({ member: false, permission: "read" })).toMatchObject({
        forge: "Right",
        "forge permission": "Left",
        "forge org": "Left",
      })
    }),
  )

  it.scopedLive("reports a refused token, and a forge that cannot be reached, as one finding", () =>
    Effect.gen(function* () {
      const refused = yield* checksOfForge({ member: true, permission: "write", token: "f".repeat(40) })
      // Its server ends with its scope.
      const unreachable = yield* Effect.scoped(checksOfForge({ member: true, permission: "write" }))
      for (const checks of [refused, unreachable]) {
        const found = yield* examine({ docker: "works" }, checks)
        expect(found.slice(2)).toEqual([
          ["forge", "missing"],
          ["forge repository", "absent"],
          ["forge issues", "absent"],
          ["forge permission", "absent"],
          ["forge deploy keys", "absent"],
          ["forge org", "absent"],
        ])
      }
      // What is wrong for a reason of its own is still reported beside others.
      const outside = { member: false, permission: "read" } as const
      const alone = yield* examine({ docker: "works" }, yield* checksOfForge(outside))
      expect(alone.filter(([, status]) => status === "missing")).toEqual([
        ["forge permission", "missing"],
        ["forge org", "missing"],
      ])
    }),
  )

  it("docker down is not all there, even if another backend works", () => {
    const docker = { subject: "backend docker", status: "absent", detail: "", todo: "" } as const
    const podman = { subject: "backend podman", status: "ok", detail: "", todo: "" } as const
    expect(enoughText([docker, podman])).toMatch(/docker does not respond.*--backend podman/)
    expect(enoughText([{ ...docker, status: "ok" }, podman])).toMatch(/^everything needed is present/)
  })

  it.scopedLive("misses all of it when the token is no good", () =>
    Effect.gen(function* () {
      const asked = yield* askForge({ member: true, permission: "write", token: "f".repeat(40) })
      expect(new Set(Object.values(asked))).toEqual(new Set(["Left"]))
    }),
  )
})

describe("a home", () => {
  it.scoped("that is not there yet is fine; one that others may enter, or that is a link, is not", () =>
    Effect.gen(function* () {
      const root = yield* tempDir
      const at = (name: string) => homePermissions(homeAt(join(root, name)))
      expect(yield* at("new")).toMatch(/is made at first use/)
      mkdirSync(join(root, "private"), { mode: 0o700 })
      expect(yield* at("private")).toBe(join(root, "private"))
      mkdirSync(join(root, "open"), { mode: 0o755 })
      expect((yield* Effect.flip(at("open"))).message).toMatch(/mode 755.*chmod 700/)
      symlinkSync(join(root, "private"), join(root, "link"))
      expect((yield* Effect.flip(at("link"))).message).toMatch(/not a directory/)
    }),
  )

  it.effect("whose path leaves no room for a socket says how to move it", () =>
    Effect.gen(function* () {
      expect(yield* socketPathLength(homeAt("/home/ada/.bot-bottle"))).toMatch(/^\d+ of 107 bytes$/)
      expect((yield* Effect.flip(socketPathLength(homeAt(`/${"x".repeat(100)}`)))).message).toMatch(
        /BOT_BOTTLE_RUN_DIR/,
      )
    }),
  )
})
