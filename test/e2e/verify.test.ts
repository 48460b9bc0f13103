/** `verify` on real engines: it passes, and it fails and names what is open when something was opened on purpose. */
import { expect, layer } from "@effect/vitest"
import { Effect, Exit, Redacted, Scope } from "effect"
import { randomUUID } from "node:crypto"
import { readdirSync } from "node:fs"
import { afterAll, beforeAll, expect as expectPlain, it } from "vitest"
import type { ProbeClass, Verification } from "../../src/domain/probes/Probe.ts"
import { podman as podmanDialect } from "../../src/layers/podman/dialect.ts"
import { Resolver } from "../../src/sidecar/outside/Resolver.ts"
import * as NodeProcessRunner from "../../src/layers/process/NodeProcessRunner.ts"
import { ROUTE_MARK } from "../../src/layers/ground/ProvingGround.ts"
import { makeCli, shellAgent } from "../support/cli.ts"
import { describeDocker, docker } from "../support/docker.ts"
import { testImage } from "../support/images.ts"
import { describePodman } from "../support/podman.ts"
import { type Hole, more, verifyWith, without } from "../support/verify.ts"
import type { SidecarConfig } from "../../src/services/Sidecar.ts"

/** The forge of a run, on issue 1 in place of its own. */
const elsewhere = ({ forge }: SidecarConfig, prNumbers: ReadonlyArray<number> = []) =>
  forge && { forge: { ...forge, assignment: { ...forge.assignment, issueNumber: 1, prNumbers } } }

/** Two launches, a freeze and some hundred probes take seconds, on a machine with nothing else to do. */
const LONG_MS = 240_000

/** Names of the probes that did not see what is promised. */
const holesOf = ({ probes }: Verification): ReadonlyArray<string> =>
  probes.filter(({ ok }) => !ok).map(({ name }) => name)

describeDocker("verify on docker", () => {
  const cli = makeCli()
  const scope = Effect.runSync(Scope.make())
  let image = ""
  beforeAll(async () => {
    const made = testImage({ tools: ["perl"] }).pipe(Effect.provide(NodeProcessRunner.layer))
    image = await Effect.runPromise(Scope.extend(made, scope))
  })
  afterAll(async () => {
    cli.remove()
    await Effect.runPromise(Scope.close(scope, Exit.void))
  })

  it(
    "passes in both rounds, and leaves nothing of its bottle",
    async () => {
      const { code, stdout, stderr } = await cli.run(["verify", "--json"])
      expectPlain([stderr, code]).toEqual(["", 0])
      const said: Verification = JSON.parse(stdout)
      expectPlain(holesOf(said)).toEqual([])
      expectPlain(said.ok).toBe(true)
      const names = said.probes.map(({ name }) => name)
      const again = names.filter((name) => name.startsWith("after rehydrate: "))
      expectPlain(new Set(names).size).toBe(names.length)
      expectPlain(again.map((name) => name.replace("after rehydrate: ", ""))).toEqual(
        names.slice(0, again.length),
      )
      expectPlain(again.length).toBeGreaterThan(200)
      expectPlain(docker("ps", "--all", "--format", "{{.Names}}")).not.toMatch(/-verify-\w{5}$/m)
      expectPlain(readdirSync(`${cli.home}/run`)).toEqual([])
    },
    LONG_MS,
  )

  it(
    "is made before the first agent of an image starts, when its manifest asks for it, and once",
    async () => {
      cli.write("bottles/sure.yaml", `image: ${image}\nverify: required\n`)
      cli.write("agents/worker.md", shellAgent("echo started", "sure"))
      const start = () => cli.run(["start", "worker", "--headless", "--prompt", "Go"])
      const first = await start()
      expectPlain([first.code, first.stdout, first.stderr]).toEqual([
        0,
        "started\n",
        expect.stringMatching(/this image is new to docker engine/),
      ])
      const second = await start()
      expectPlain([second.code, second.stdout]).toEqual([0, "started\n"])
      expectPlain(second.stderr).not.toMatch(/is new to/)
      for (const { slug } of JSON.parse((await cli.run(["list", "--json"])).stdout))
        await cli.run(["destroy", slug])
    },
    LONG_MS,
  )

  /** One launch each, of the classes that the hole is about. */
  const opened = (classes: ReadonlyArray<ProbeClass>, hole: Hole) =>
    Effect.map(verifyWith({ manifest: { image }, classes, twice: false }, hole), (found) => {
      expect(found.ok).toBe(false)
      return holesOf(found)
    })

  layer(NodeProcessRunner.layer, { excludeTestServices: true })((it) => {
    it.scoped("another network: its interface, its routes, and this machine at its end", () =>
      Effect.gen(function* () {
        // Internal: nothing is sent on from it.
        const network = `bot-bottle-verify-${process.pid}`
        yield* Effect.acquireRelease(
          Effect.sync(() => docker("network", "create", "--internal", network)),
          () => Effect.sync(() => docker("network", "rm", network)),
        )
        const gateway = docker(
          "network",
          "inspect",
          "--format",
          "{{(index .IPAM.Config 0).Gateway}}",
          network,
        )
        const holes = yield* opened(["network", "names"], {
          create: (args) => args.map((arg) => (arg === "none" ? network : arg)),
        })
        expect(holes).toContain("interfaces of the bottle")
        expect(holes).toContain("IPv4 routes of the bottle")
        expect(holes).toContain(`TCP to this machine (${gateway})`)
        expect(holes).toContain(`UDP to this machine (${gateway})`)
      }),
    )

    it.scoped("the engine's own list of system calls: sockets, io_uring and more", () =>
      Effect.gen(function* () {
        const holes = yield* opened(["sockets", "calls"], {
          create: (args) => without(args, "--security-opt", /^seccomp=/),
        })
        expect(holes).toContain("a pair of Internet sockets")
        expect(holes).toContain("ptrace of itself")
      }),
    )

    it.scoped("no list of system calls at all", () =>
      Effect.gen(function* () {
        const holes = yield* opened(["calls", "box"], {
          create: (args) =>
            more(without(args, "--security-opt", /^seccomp=/), "--security-opt", "seccomp=unconfined"),
        })
        expect(holes).toContain("a list of system calls")
        expect(holes).toContain("another personality")
      }),
    )

    it.scoped("a capability, a device, a mount and another user", () =>
      Effect.gen(function* () {
        const holes = yield* opened(["box", "files"], {
          create: (args) =>
            more(
              without(args, "--user", /./),
              "--user=0:0",
              "--cap-add=SYS_CHROOT",
              "--cap-add=MKNOD",
              "--device=/dev/null:/dev/kvm",
              "--mount=type=bind,source=/proc/self,target=/elsewhere",
            ),
        })
        for (const name of [
          "capabilities: bounding",
          "capabilities: effective",
          "the user",
          "the device /dev/kvm",
          "mounts of the bottle",
        ]) {
          expect(holes).toContain(name)
        }
      }),
    )

    it.scoped("a neck that can be written to", () =>
      Effect.gen(function* () {
        const holes = yield* opened(["files"], {
          create: (args) =>
            more(
              args.map((arg) => arg.replace(/,readonly$/, "")),
              "--user",
              "0:0",
            ),
        })
        expect(holes).toContain("mounts of the bottle")
      }),
    )

    it.scoped("what is open after a rehydration alone, by that name", () =>
      Effect.gen(function* () {
        let made = 0
        const found = yield* verifyWith(
          { manifest: { image }, classes: ["sockets"] },
          { create: (args) => (++made === 1 ? args : without(args, "--security-opt", /^seccomp=/)) },
        )
        expect(found.ok).toBe(false)
        expect(holesOf(found)).toContain("after rehydrate: a pair of Internet sockets")
        expect(holesOf(found).filter((name) => !name.startsWith("after rehydrate: "))).toEqual([])
      }),
    )

    it.scoped("nothing in a bottle whose manifest names root", () =>
      Effect.gen(function* () {
        const manifest = { image, user: "0:0" }
        const classes: ReadonlyArray<ProbeClass> = ["box", "files", "limits", "secrets"]
        expect(holesOf(yield* verifyWith({ manifest, classes, twice: false }))).toEqual([])
      }),
    )

    it.scoped("limits that are not kept", () =>
      Effect.gen(function* () {
        const holes = yield* opened(["limits"], {
          create: (args) =>
            without(without(without(args, "--pids-limit", /./), "--memory", /./), "--memory-swap", /./),
        })
        expect(holes).toEqual(["more memory than 256 MiB", "more processes than 128"])
      }),
    )

    it.scoped("limits at the neck that are far off", () =>
      Effect.gen(function* () {
        const holes = yield* opened(["limits"], {
          sidecar: (config) => ({
            ...config,
            limits: { connections: 1000, callRate: 100_000, logBytes: 1e9, comments: 1000 },
          }),
        })
        expect(holes).toEqual([
          "more than 5 comments",
          "more calls than 200 per second",
          "more connections than 48",
        ])
      }),
    )

    it.scoped("a wildcard on the allow-list", () =>
      Effect.gen(function* () {
        const holes = yield* opened(["egress", "names"], {
          sidecar: (config) => ({
            ...config,
            egress: { allow: [...config.egress.allow, { host: "*.verify.invalid", private: true }] },
          }),
        }).pipe(Effect.provideService(Resolver, () => Effect.succeed(["127.0.0.1"])))
        expect(holes).toContain("CONNECT to a name below one that is not listed")
        expect(holes).toContain("CONNECT to a resolver over HTTPS")
      }),
    )

    it.scoped("hosts and paths that need no approval, and a kind of request more", () =>
      Effect.gen(function* () {
        const holes = yield* opened(["approvals"], {
          sidecar: (config) => ({
            ...config,
            approvals: [...(config.approvals ?? []), "budget"],
            egress: { allow: [...config.egress.allow, "*.verify.invalid"] },
            git: Object.fromEntries(
              Object.entries(config.git).map(([name, entry]) => [name, { ...entry, protectedPaths: [] }]),
            ),
          }),
        })
        expect(holes).toEqual([
          "CONNECT to a host that was asked for, and not approved",
          "a request of a kind that the manifest does not list",
          "a push of a protected path that was asked for, and not approved",
        ])
      }),
    )

    it.scoped("an approval that does not close with its run", () =>
      Effect.gen(function* () {
        const found = yield* verifyWith(
          { manifest: { image }, classes: ["approvals"] },
          { sidecar: (config) => ({ ...config, run: 1 }) },
        )
        expect(holesOf(found)).toEqual([
          "after rehydrate: CONNECT to a private address that was approved in the first round",
        ])
      }),
    )

    it.scoped(
      "a wider scope on the forge, and a wider policy of pushes",
      () =>
        Effect.gen(function* () {
          const holes = yield* opened(["forge", "git"], {
            sidecar: (config) => ({
              ...config,
              ...elsewhere(config),
              git: Object.fromEntries(
                Object.entries(config.git).map(([name, entry]) => [
                  name,
                  { ...entry, push: ["refs/heads/*"], protectedPaths: [] },
                ]),
              ),
            }),
          })
          expect(holes).toContain("a comment on another issue")
          expect(holes).toContain("the description of another issue")
          expect(holes).toContain("a push to main")
          expect(holes).toContain("a push to another bottle's branch")
          expect(holes).toContain("a branch at an old commit, with an old workflow of the forge's CI")
          expect(holes).toContain("a merge that brings back an old workflow of the forge's CI")
          expect(holes).toContain("a commit whose message closes another issue")
        }),
      LONG_MS,
    )

    it.scoped("another issue that texts may close", () =>
      Effect.gen(function* () {
        const holes = yield* opened(["forge"], {
          sidecar: (config) => ({
            ...config,
            ...elsewhere(config, [config.forge?.assignment.issueNumber ?? 0]),
          }),
        })
        expect(holes).toContain("a comment that closes another issue, by a letter that folds")
        expect(holes).toContain("a description that closes another issue, by an address without a host")
        expect(holes).toContain("a comment that logs time on another issue")
      }),
    )

    it.scoped("a secret of the run in the environment", () =>
      Effect.gen(function* () {
        const secret = `of-the-run-${randomUUID()}`
        const holes = yield* opened(["secrets"], {
          create: (args) => more(args, "--env", `LEFT=${Buffer.from(secret).toString("base64")}`),
          ground: (ground) => ({ ...ground, secrets: [...ground.secrets, Redacted.make(secret)] }),
        })
        expect(holes).toContain("secrets in the environment")
        expect(holes).toContain("secrets in all that the bottle was answered")
      }),
    )

    it.scoped(
      "a route that passes a credential of the agent's own, and one whose answers have a secret",
      () =>
        Effect.gen(function* () {
          const holes = yield* opened(["routes"], {
            sidecar: (config) => ({
              ...config,
              routes: Object.fromEntries(
                Object.entries(config.routes).map(([name, entry]) => [
                  name,
                  { ...entry, query: ["api_key"] },
                ]),
              ),
            }),
            ground: (ground) => ({ ...ground, secrets: [...ground.secrets, Redacted.make(ROUTE_MARK)] }),
          })
          expect(holes).toContain("credentials of the agent's own, in headers and query")
          expect(holes).toContain("the key in headers of an answer, encoded")
        }),
    )

    it.scoped("a route that allows everything", () =>
      Effect.gen(function* () {
        const holes = yield* opened(["routes"], {
          sidecar: (config) => ({
            ...config,
            routes: Object.fromEntries(
              Object.entries(config.routes).map(([name, entry]) => [name, { ...entry, allow: ["* /*"] }]),
            ),
          }),
        })
        expect(holes).toContain("a path that the route does not allow")
      }),
    )
  })
})

describePodman("verify on podman", (podman) => {
  layer(NodeProcessRunner.layer, { excludeTestServices: true })((it) => {
    const engine = { dialect: podmanDialect, env: podman.env }

    it.scoped(
      "passes in both rounds",
      () =>
        Effect.gen(function* () {
          const found = yield* verifyWith({ manifest: { image: yield* podman.image() }, engine })
          expect(found.probes.filter(({ ok }) => !ok)).toEqual([])
          expect(found.ok).toBe(true)
        }),
      LONG_MS,
    )

    it.scoped("fails and names what is open without our list of system calls", () =>
      Effect.gen(function* () {
        const manifest = { image: yield* podman.image() }
        const found = yield* verifyWith(
          { manifest, engine, classes: ["calls", "sockets", "box"], twice: false },
          { create: (args) => without(args, "--security-opt", /^seccomp=/) },
        )
        expect(holesOf(found)).toContain("ptrace of itself")
      }),
    )
  })
})
