import { expect, layer } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { BottlePlan } from "../../../src/domain/Bottle.ts"
import { DEFAULT_PIDS } from "../../../src/domain/Plan.ts"
import { Slug } from "../../../src/domain/Slug.ts"
import { Home, homeAt } from "../../../src/layers/home/Home.ts"
import { installationId } from "../../../src/layers/home/installation.ts"
import * as NodeProcessRunner from "../../../src/layers/process/NodeProcessRunner.ts"
import { machineName } from "../../../src/layers/smolvm/machine.ts"
import { makeWith } from "../../../src/layers/smolvm/SmolvmBackend.ts"
import { shellPlan } from "../../support/docker.ts"
import { serveNeck } from "../../support/neck.ts"
import { describeSmolvm, IMAGE, impostor, smolvmInstances, standIn } from "../../support/smolvm.ts"
import { tempDir } from "../../support/tempDir.ts"

let counter = 0
const smolPlan = (script: string, more: Partial<BottlePlan> = {}) =>
  shellPlan(`smol--${process.pid}-${++counter}-`, IMAGE, script, {
    backend: "smolvm",
    pull: "missing",
    ...more,
  })

const world = (options: Parameters<typeof standIn>[0] = {}) =>
  Effect.gen(function* () {
    const smolvm = yield* standIn(options)
    const { home, first } = yield* smolvmInstances(smolvm)
    const begin = (plan: BottlePlan) =>
      Effect.gen(function* () {
        yield* Effect.addFinalizer(() => Effect.ignore(first.destroy(plan.slug)))
        yield* serveNeck(home, plan.slug)
        yield* first.ensureImage(plan)
        const created = yield* first.create(plan)
        yield* first.start(plan.slug)
        return created
      })
    const output = (plan: BottlePlan) =>
      first.output(plan.slug, plan.run).pipe(
        Stream.map(({ bytes }) => Buffer.from(bytes).toString("utf8")),
        Stream.mkString,
      )
    const name = (slug: Slug) => Effect.map(installationId(home), (id) => machineName(id, slug))
    return { smolvm, home, first, begin, output, name }
  })

layer(NodeProcessRunner.layer, { excludeTestServices: true })((it) => {
  it.scoped(
    "another program of that name, one that is too old, and none at all are refused with what to do",
    () =>
      Effect.gen(function* () {
        const home = homeAt(yield* tempDir)
        const tries = [
          [yield* impostor("SmolVM 0.3.1 (celesto)"), "another tool has the same name"],
          [yield* impostor("smolvm 1.8.9"), "1.9.0 or later is needed"],
          [yield* impostor("smolvm 1.9.3"), "another tool has the same name"],
          ["/nowhere/smolvm", "install smolvm"],
        ] as const
        for (const [program, reason] of tries) {
          const backend = yield* Effect.provideService(makeWith({ program, env: {} }), Home, home)
          const error = yield* Effect.flip(backend.check)
          expect(error).toMatchObject({ _tag: "BackendUnavailable", backend: "smolvm" })
          expect(error.message).toContain(reason)
          expect(yield* Effect.flip(backend.list)).toMatchObject({ _tag: "BackendUnavailable" })
          expect(yield* Effect.flip(backend.destroy(Slug.make("a-bcdef")))).toMatchObject({
            _tag: "BackendUnavailable",
          })
        }
      }),
  )

  it.scoped("what no smolvm can keep is refused before anything is made", () =>
    Effect.gen(function* () {
      const { first } = yield* smolvmInstances({ program: "/nowhere/smolvm", env: {} })
      const limits = { memoryBytes: 1024 ** 3, pids: DEFAULT_PIDS }
      yield* first.accepts(smolPlan("true", { limits }))
      const refused: ReadonlyArray<Partial<BottlePlan>> = [
        { image: "" },
        { image: "./agent.tar" },
        { image: "/images/rootfs/" },
        { image: "--net" },
        { limits: { ...limits, cpus: 0.5 } },
        { limits: { ...limits, diskBytes: 1 } },
        { limits: { ...limits, pids: 7 } },
        { workdir: "/run/x" },
        { workdir: "/a/../run" },
      ]
      for (const more of refused) {
        const error = yield* Effect.flip(first.accepts(smolPlan("true", { limits, ...more })))
        expect(error).toMatchObject({ _tag: "LaunchRefused" })
      }
    }),
  )
})

describeSmolvm("a machine of the stand-in", () => {
  layer(NodeProcessRunner.layer, { excludeTestServices: true })((it) => {
    it.scoped(
      "has no network but the neck; the host's mount is read-only; the agent is the image's user",
      () =>
        Effect.gen(function* () {
          const { smolvm, begin, output, first } = yield* world()
          const plan = smolPlan(
            `id -u; pwd; grep -c : /proc/net/dev; wc -l </proc/net/route; touch /run/bottle/x 2>&1; touch here && echo wrote
           printf 'GET / HTTP/1.0\\r\\n\\r\\n' | busybox nc 127.0.0.1 7317 | tail -1`,
            { env: { MARK: "in-env-4711" }, prompt: "in-prompt-4711\n" },
          )
          const { user } = yield* begin(plan)
          expect(user).toBe("1000:1000")
          const said = yield* output(plan)
          expect(yield* first.wait(plan.slug)).toBe(0)
          expect(said).toMatch(/^1000\n\/workspace\n1\n\s*1\n.*Read-only.*\nwrote\nok/)
          const calls = smolvm.calls()
          expect(calls.flat().filter((word) => /^--net|^--allow|^--dns|^--port|^-p$|tsi/.test(word))).toEqual(
            [],
          )
          expect(JSON.stringify(calls)).not.toContain("4711")
          const execs = calls.filter(([, command, , , , , more]) => command === "exec" && more !== undefined)
          expect(execs.every((call) => call.includes("--interactive"))).toBe(true)
        }),
    )

    it.scoped("an image of a registry is packed once, by the pull policy", () =>
      Effect.gen(function* () {
        const { smolvm, first } = yield* world()
        const packs = () =>
          smolvm.calls().filter(([group, command]) => group === "pack" && command === "create")
        const never = smolPlan("true", { pull: "never" })
        expect((yield* Effect.flip(first.ensureImage(never))).message).toContain("--pull missing")
        yield* first.ensureImage(smolPlan("true"))
        yield* first.ensureImage(smolPlan("true"))
        yield* first.ensureImage(never)
        expect(packs().filter((call) => call.includes("--image"))).toHaveLength(1)
        yield* first.ensureImage(smolPlan("true", { pull: "always" }))
        expect(packs().filter((call) => call.includes("--image"))).toHaveLength(2)
        const none = smolPlan("true", { image: "registry.example/none:1" })
        expect(yield* Effect.flip(first.ensureImage(none))).toMatchObject({
          _tag: "BackendFailure",
          reason: expect.stringContaining("manifest unknown"),
        })
      }),
    )

    it.scoped(
      "root is refused unless named, and another user than the image's is the agent where smolvm can",
      () =>
        Effect.gen(function* () {
          const { smolvm, begin, output, first } = yield* world({ user: "0:0" })
          const asRoot = smolPlan("id -u")
          expect((yield* Effect.flip(begin(asRoot))).message).toContain("runs as root")
          expect(smolvm.run("machine", "ls", "--json").stdout).toBe("[]\n")
          const named = smolPlan("id -u; id -g; touch here && echo wrote", { user: "1000:1000" })
          expect((yield* begin(named)).user).toBe("1000:1000")
          expect(yield* output(named)).toBe("1000\n1000\nwrote\n")
          yield* first.wait(named.slug)
        }),
    )

    it.scoped(
      "an older smolvm is told from what it can do: no other user, no /workspace, no copied directory",
      () =>
        Effect.gen(function* () {
          const { begin, output, first } = yield* world({ version: "1.9.3" })
          expect(yield* first.check).toContain("smolvm 1.9.3")
          const elsewhere = { workdir: "/home/agent/work" }
          const refused: ReadonlyArray<Partial<BottlePlan>> = [
            { workdir: "/workspace" },
            { ...elsewhere, workspace: { root: "/", tracked: [], untracked: [] } },
            { ...elsewhere, user: "7:7" },
          ]
          for (const more of refused) {
            const error = yield* Effect.flip(begin(smolPlan("true", more)))
            expect(error).toMatchObject({ _tag: "LaunchRefused" })
            expect(error.message).toContain("1.17")
          }
          const plan = smolPlan(
            `[ "$BOT_BOTTLE_RUN" = 1 ] || cat kept; echo "run $BOT_BOTTLE_RUN" >>kept`,
            elsewhere,
          )
          const { user } = yield* begin(plan)
          expect(yield* first.wait(plan.slug)).toBe(0)
          const artifact = yield* first.freeze(plan.slug, 1)
          yield* first.remove(plan.slug)
          const again = { ...plan, image: artifact, rehydrate: true, run: 2, user }
          yield* begin(again)
          expect(yield* output(again)).toBe("run 1\n")
        }),
    )

    it.scoped("the working directory is taken along, and belongs to the agent", () =>
      Effect.gen(function* () {
        const { begin, output } = yield* world()
        const root = yield* tempDir
        mkdirSync(join(root, "sub"))
        writeFileSync(join(root, "sub", "a file"), "hello\n")
        const plan = smolPlan(
          "cat 'sub/a file'; ls -ln sub | tail -1; echo more >>'sub/a file' && echo wrote",
          {
            workspace: { root, tracked: ["sub/a file"], untracked: [] },
          },
        )
        yield* begin(plan)
        expect(yield* output(plan)).toMatch(/^hello\n-rw-r--r-- +1 1000 +1000 .*a file\nwrote\n$/)
      }),
    )

    it.scoped(
      "a machine that is lost under its agent is an error of the wait, and can still be destroyed",
      () =>
        Effect.gen(function* () {
          const { smolvm, begin, first, name } = yield* world()
          const plan = smolPlan("echo working; sleep 60")
          yield* begin(plan)
          yield* Stream.runHead(first.logs(plan.slug, 1, true))
          smolvm.run("machine", "stop", "--name", yield* name(plan.slug))
          expect(yield* Effect.flip(first.wait(plan.slug))).toMatchObject({
            _tag: "BackendFailure",
            reason: expect.stringContaining("connection to VM lost"),
          })
          yield* first.destroy(plan.slug)
          expect(smolvm.run("machine", "ls", "--json").stdout).toBe("[]\n")
        }),
    )

    it.scoped(
      "agents end with codes that are smolvm's own too, and with words that look like its errors",
      () =>
        Effect.gen(function* () {
          const { begin, first } = yield* world()
          for (const code of [1, 124, 130]) {
            const plan = smolPlan(`echo 'Error: connection to VM lost' >&2; exit ${code}`)
            yield* begin(plan)
            expect(yield* first.wait(plan.slug)).toBe(code)
          }
        }),
    )

    it.scoped(
      "a start that fails for a moment is tried again; without KVM it is told what to do, and nothing is left",
      () =>
        Effect.gen(function* () {
          const { smolvm, begin, first } = yield* world()
          smolvm.fault("agent operation failed: start machine: bind: EADDRINUSE#2")
          const plan = smolPlan("true")
          yield* begin(plan)
          expect(yield* first.wait(plan.slug)).toBe(0)
          yield* first.destroy(plan.slug)
          const faults = {
            "kvm permission denied: Cannot access /dev/kvm (permission denied)": "group kvm",
            "kvm not available: KVM not available. Ensure KVM kernel module is loaded": "no KVM",
            "agent operation failed: verify rootfs: agent rootfs not found: /x": "not installed completely",
          }
          for (const [fault, told] of Object.entries(faults)) {
            smolvm.fault(`agent operation failed: start machine: ${fault}`)
            const error = yield* Effect.flip(begin(smolPlan("true")))
            expect(error).toMatchObject({ _tag: "BackendUnavailable" })
            expect(error.message).toContain(told)
          }
          expect(smolvm.run("machine", "ls", "--json").stdout).toBe("[]\n")
        }),
    )

    it.scoped("a pack with a network is refused, and a machine whose record is gone is listed", () =>
      Effect.gen(function* () {
        const { smolvm, home, begin, first, name } = yield* world()
        const config = join(smolvm.data, "registry", `${IMAGE.replaceAll("/", "_")}.json`)
        const slug = Slug.make("lost-abcde")
        yield* first.ensureImage(smolPlan("true"))
        const id = yield* installationId(home)
        const labels = [`bot-bottle.installation=${id}`, `bot-bottle.slug=${slug}`].flatMap((label) => [
          "--label",
          label,
        ])
        const made = smolvm.run(
          "machine",
          "create",
          "--name",
          yield* name(slug),
          ...labels,
          "--from",
          smolvm.pack(),
        )
        expect(made.stderr).toBe("")
        expect(yield* first.list).toEqual([{ slug, state: "created" }])
        yield* first.destroy(slug)
        expect(yield* first.list).toEqual([])
        writeFileSync(config, JSON.stringify({ user: "1000:1000", network: true }))
        const open = smolPlan("true", { pull: "always" })
        expect((yield* Effect.flip(begin(open))).message).toContain("network of its own")
        expect(smolvm.run("machine", "ls", "--json").stdout).toBe("[]\n")
      }),
    )

    it.scoped(
      "the stand-in is strict: what the reference does not have is exit 2, and stopped machines run nothing",
      () =>
        standIn().pipe(
          Effect.map((smolvm) => {
            const code = (...args: ReadonlyArray<string>) => smolvm.run(...args).status
            expect(code("machine", "create", "--name", "a", "--read-only")).toBe(2)
            expect(code("machine", "create", "--name", "a", "--name", "b")).toBe(2)
            expect(code("machine", "create", "word")).toBe(2)
            expect(code("machine", "exec", "-n", "a", "--", "true")).toBe(2)
            expect(code("machine", "start", "--name", "a")).toBe(1)
            expect(code("machine", "create", "--name", "a--b", "--from", smolvm.pack())).toBe(1)
            expect(code("machine", "create", "--name", "a", "--from", smolvm.pack())).toBe(0)
            expect(smolvm.run("machine", "exec", "--name", "a", "--", "true").stderr).toContain(
              "is not running",
            )
            expect(code("pack", "create", "--from-vm", "a", "--output", join(smolvm.data, "x"))).toBe(1)
            expect(code("machine", "delete", "--name", "a")).toBe(1)
          }),
        ),
    )
  })
})
