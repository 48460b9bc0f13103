/** Deploy keys of a run over real ssh: the gate pushes with the key that was registered, and nobody does with one that was revoked. */
import { expect, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { copyFileSync, existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import type { RunUpstream } from "../../../src/domain/OwnRepository.ts"
import { Home, homeAt } from "../../../src/layers/home/Home.ts"
import * as NodeProcessRunner from "../../../src/layers/process/NodeProcessRunner.ts"
import * as SidecarInProcess from "../../../src/layers/sidecar/SidecarInProcess.ts"
import { DeployKeys } from "../../../src/services/DeployKeys.ts"
import { Sidecar } from "../../../src/services/Sidecar.ts"
import * as GiteaSimulator from "../../../src/simulator/GiteaSimulator.ts"
import * as GitServer from "../../../src/simulator/gitServer.ts"
import { cellarAt, configOf } from "../../contracts/Sidecar.ts"
import { TOKEN, cellarIn, commit, forwardTo, git, ok } from "../../support/git.ts"
import { authorizedKeys, describeSsh, sshd } from "../../support/sshd.ts"
import { tempDir } from "../../support/tempDir.ts"

/** A forge with `ada/cellar` behind sshd and an API, and a home of ours. */
const world = Effect.gen(function* () {
  const root = yield* tempDir
  const repositories = yield* Effect.provide(GitServer.make(root), NodeProcessRunner.layer)
  const sim = yield* GiteaSimulator.make(
    {
      users: [{ login: "bot", token: TOKEN }],
      repos: [{ owner: "ada", name: "cellar", private: true, collaborators: { bot: "admin" } }],
    },
    { mounts: [authorizedKeys(root), repositories.mount] },
  )
  const { directory } = yield* cellarIn(repositories)
  const server = yield* sshd(root, sim.url)
  const home = homeAt(yield* tempDir)
  const entry: RunUpstream = {
    url: `${server.url}/ada/cellar.git`,
    key: { provider: "gitea" },
    knownHost: server.knownHost,
    private: true,
  }
  const forge = cellarAt(sim.apiUrl, TOKEN)
  const keys = sim.state.repo("ada", "cellar")?.keys ?? []
  const layer = Layer.provide(SidecarInProcess.layer, Layer.succeed(Home, home))
  return {
    sim,
    home,
    directory,
    keys,
    entry,
    forge,
    server,
    layer,
    config: (more: Partial<RunUpstream> = {}) => ({
      ...configOf("door-abcde", forge),
      git: { app: { ...entry, ...more } },
    }),
  }
})

describeSsh("a repository with a deploy key", () => {
  it.scopedLive("is cloned and pushed with it while the run goes on, and with a copy of it never after", () =>
    Effect.gen(function* () {
      const it = yield* world
      yield* Effect.gen(function* () {
        const sidecar = yield* Sidecar
        const handle = yield* sidecar.launch(it.config())
        expect(it.keys).toMatchObject([
          { title: expect.stringMatching(/^bot-bottle door-abcde [0-9a-f]{12}$/), readOnly: false },
        ])
        const { keys, neck, run } = it.home.of("door-abcde")
        const half = join(keys, readdirSync(keys)[0] ?? "")
        expect(statSync(half).mode & 0o777).toBe(0o600)
        expect(statSync(keys).mode & 0o777).toBe(0o700)
        expect([keys.startsWith(`${run}/`), keys.startsWith(neck)]).toEqual([true, false])
        const url = `${yield* forwardTo(handle.socketPath)}/git/app.git`
        const work = yield* tempDir
        yield* ok(work, ["clone", "-q", url, "app"])
        const here = join(work, "app")
        const head = yield* commit(here, { "a.txt": "a" })
        const pushed = yield* git(here, ["push", "origin", "HEAD:refs/heads/bot-bottle/door-abcde"])
        expect([pushed.stderr, pushed.code]).toEqual([expect.stringContaining("[new branch]"), 0])
        expect(yield* ok(it.directory, ["rev-parse", "refs/heads/bot-bottle/door-abcde"])).toBe(head)

        // A line of the private half is found in a push as the run's other secrets are.
        yield* commit(here, { "b.txt": readFileSync(half, "utf8").split("\n")[4] ?? "" })
        const leak = yield* git(here, ["push", "origin", "HEAD:refs/heads/bot-bottle/door-abcde"])
        expect([leak.code, leak.stderr]).toEqual([1, expect.stringMatching(/b\.txt.*secret/)])

        // Somebody got hold of the private half.
        const stolen = join(work, "stolen")
        copyFileSync(half, stolen)
        const hosts = join(work, "hosts")
        yield* Effect.promise(async () =>
          (await import("node:fs/promises")).writeFile(hosts, `${it.server.knownHost}\n`),
        )
        const thief = git(work, ["ls-remote", it.entry.url], {
          env: {
            GIT_SSH_COMMAND: `ssh -F /dev/null -i ${stolen} -o IdentitiesOnly=yes -o IdentityAgent=none -o BatchMode=yes -o UserKnownHostsFile=${hosts}`,
          },
        })
        expect((yield* thief).code).toBe(0)
        expect(readdirSync(it.home.keyLedger)).toHaveLength(1)
        yield* handle.stop
        expect(it.keys).toEqual([])
        expect(yield* thief).toMatchObject({
          code: 128,
          stderr: expect.stringContaining("Permission denied"),
        })
        expect(existsSync(half)).toBe(false)
        expect(readdirSync(it.home.keyLedger)).toEqual([])
        expect(yield* (yield* DeployKeys).leftKeys).toEqual([])
        expect(readFileSync(it.home.of("door-abcde").operations, "utf8")).not.toContain("PRIVATE KEY")
      }).pipe(Effect.provide(it.layer))
    }),
  )

  it.scopedLive("that may only be read is fetched with it, and the forge itself refuses a push", () =>
    Effect.gen(function* () {
      const it = yield* world
      yield* Effect.gen(function* () {
        const sidecar = yield* Sidecar
        const handle = yield* sidecar.launch(it.config({ push: [] }))
        expect(it.keys).toMatchObject([{ readOnly: true }])
        const work = yield* tempDir
        yield* ok(work, ["clone", "-q", `${yield* forwardTo(handle.socketPath)}/git/app.git`, "app"])
        const { keys } = it.home.of("door-abcde")
        const push = git(join(work, "app"), ["push", it.entry.url, "HEAD:refs/heads/x"], {
          env: {
            GIT_SSH_COMMAND: `ssh -F /dev/null -i ${join(keys, readdirSync(keys)[0] ?? "")} -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null`,
          },
        })
        expect((yield* push).stderr).toContain("the deploy key may only read")
        yield* handle.stop
      }).pipe(Effect.provide(it.layer))
    }),
  )
})
