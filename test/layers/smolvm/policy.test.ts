import { expect, layer } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { BottlePlan } from "../../../src/domain/Bottle.ts"
import { DEFAULT_PIDS } from "../../../src/domain/Plan.ts"
import { Slug } from "../../../src/domain/Slug.ts"
import { Home, homeAt } from "../../../src/layers/home/Home.ts"
import { installationId } from "../../../src/layers/home/installation.ts"
import * as NodeProcessRunner from "../../../src/layers/process/NodeProcessRunner.ts"
import { makeWith } from "../../../src/layers/smolvm/SmolvmBackend.ts"
import { doctor } from "../../../src/programs/doctor.ts"
import { Backends } from "../../../src/services/Backends.ts"
import { describeSmolvm, IMAGE, impostor, smolvmInstances, standIn } from "../../support/smolvm.ts"
import { smolPlan, smolWorld } from "../../support/smolvmWorld.ts"
import { tempDir } from "../../support/tempDir.ts"

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
        { user: "0:0" },
        { user: "root" },
        { user: "00:1000" },
      ]
      for (const more of refused) {
        const error = yield* Effect.flip(first.accepts(smolPlan("true", { limits, ...more })))
        expect(error).toMatchObject({ _tag: "LaunchRefused" })
      }
      const { user: _, ...unnamed } = smolPlan("true", { limits })
      const error = yield* Effect.flip(first.accepts(unnamed))
      expect(error.message).toContain('name the agent\'s user in the bottle manifest (user: "1000:1000")')
    }),
  )

  it.scoped("what smolvm reads of the environment reaches it, and a name for --name does not", () =>
    Effect.gen(function* () {
      const dir = yield* tempDir
      const program = join(dir, "smolvm")
      writeFileSync(program, `#!/bin/sh\nenv >${dir}/env\necho 'smolvm 1.8.0'\n`, { mode: 0o755 })
      const given = {
        SMOLVM_DATA_DIR: "/d",
        SMOLVM_LIB_DIR: "/l",
        SMOLVM_AGENT_ROOTFS: "/r",
        SMOLVM_VM_UID_DROP: "off",
        SMOLVM_PACK_CACHE_MAX_BYTES: "5",
        SMOLVM_PACK_STAGING: "/s",
      }
      const { first } = yield* smolvmInstances({
        program,
        env: { ...given, SMOLVM_MACHINE_NAME: "x", OTHER: "y" },
      })
      yield* Effect.flip(first.check)
      const seen = readFileSync(join(dir, "env"), "utf8").split("\n")
      for (const [name, value] of Object.entries(given)) expect(seen).toContain(`${name}=${value}`)
      expect(seen.filter((line) => /^(OTHER|SMOLVM_MACHINE_NAME)=/.test(line))).toEqual([])
    }),
  )

  it.scoped.runIf(process.getuid?.() === 0)(
    "doctor finds a /dev/kvm and directories that the user smolvm drops to cannot open, and says what to do",
    () =>
      Effect.gen(function* () {
        const { program, data } = yield* standIn({ version: "1.9.2" })
        const home = homeAt(yield* tempDir)
        const kvm = join(data, "kvm")
        writeFileSync(kvm, "", { mode: 0o600 })
        const said = (
          mode: number,
          options: { readonly uid?: number; readonly drop?: string; readonly kvm?: string },
        ) =>
          Effect.gen(function* () {
            chmodSync(kvm, mode)
            const backend = yield* makeWith({
              program,
              kvm: options.kvm ?? kvm,
              uid: options.uid ?? 0,
              env: {
                SMOLVM_DATA_DIR: data,
                ...(options.drop !== undefined && { SMOLVM_VM_UID_DROP: options.drop }),
              },
            }).pipe(Effect.provideService(Home, home))
            const found = yield* doctor().pipe(
              Effect.provideService(Backends, {
                names: ["smolvm"],
                get: () => Effect.succeed(backend),
                workspace: () => Effect.dieMessage("not asked"),
              }),
            )
            return found.find(({ subject }) => subject === "backend smolvm")?.detail
          })
        chmodSync(data, 0o700)
        const closed = yield* said(0o600, {})
        expect(closed).toContain(`cannot open ${kvm} (0:0 0600): "chgrp kvm ${kvm} && chmod 0660 ${kvm}"`)
        expect(closed).toContain(`cannot enter directories of mode 0700 (${data}, `)
        expect(closed).toContain("set SMOLVM_VM_UID_DROP=off, or run bot-bottle as a user in the group kvm")
        expect(yield* said(0o666, {})).not.toContain("cannot open")
        chmodSync(data, 0o755)
        expect(yield* said(0o666, {})).not.toContain(data)
        expect(yield* said(0o600, { drop: "off" })).toBe("smolvm 1.9.2")
        expect(yield* said(0o600, { uid: 1000 })).toBe("smolvm 1.9.2")
        expect(yield* said(0o600, { uid: 1000, kvm: "/nowhere/kvm" })).toBe(
          "smolvm 1.9.2; no /nowhere/kvm here: no machine will start",
        )
      }),
  )
})

describeSmolvm("a machine of the stand-in", () => {
  layer(NodeProcessRunner.layer, { excludeTestServices: true })((it) => {
    it.scoped(
      "has no network but the neck; the host's mount is read-only; the agent is the image's user",
      () =>
        Effect.gen(function* () {
          const { smolvm, begin, output, first } = yield* smolWorld()
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
        const { smolvm, first } = yield* smolWorld()
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
          reason: expect.stringContaining("NAME_UNKNOWN"),
        })
      }),
    )

    it.scoped("an older smolvm loses /workspace at a freeze, so it is refused; elsewhere all goes well", () =>
      Effect.gen(function* () {
        const { begin, output, first } = yield* smolWorld({ version: "1.9.2" })
        expect(yield* first.check).toContain("smolvm 1.9.2")
        const error = yield* Effect.flip(begin(smolPlan("true")))
        expect(error).toMatchObject({ _tag: "LaunchRefused" })
        expect(error.message).toContain("1.17")
        const plan = smolPlan(`[ "$BOT_BOTTLE_RUN" = 1 ] || cat kept; echo "run $BOT_BOTTLE_RUN" >>kept`, {
          workdir: "/home/agent/work",
        })
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
        const { begin, output } = yield* smolWorld({ version: "1.9.2" })
        const root = yield* tempDir
        mkdirSync(join(root, "sub"))
        writeFileSync(join(root, "sub", "a file"), "hello\n")
        const plan = smolPlan(
          "cat 'sub/a file'; ls -ln sub | tail -1; echo more >>'sub/a file' && echo wrote",
          {
            workdir: "/home/agent/work",
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
          const { smolvm, begin, first, name } = yield* smolWorld()
          const plan = smolPlan("echo working; sleep 60")
          yield* begin(plan)
          yield* Stream.runHead(first.logs(plan.slug, 1, true))
          smolvm.run("machine", "stop", "--name", yield* name(plan.slug))
          expect(yield* Effect.flip(first.wait(plan.slug))).toMatchObject({
            _tag: "BackendFailure",
            reason: expect.stringContaining("connection closed"),
          })
          yield* first.destroy(plan.slug)
          expect(smolvm.run("machine", "ls", "--json").stdout).toBe("[]\n")
        }),
    )

    it.scoped(
      "agents end with codes that are smolvm's own too, and with words that look like its errors",
      () =>
        Effect.gen(function* () {
          const { begin, first } = yield* smolWorld()
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
          const { smolvm, begin, first } = yield* smolWorld()
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
        const { smolvm, home, begin, first, name } = yield* smolWorld()
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
            expect(code("machine", "delete", "--name", "a")).toBe(0)
          }),
        ),
    )
  })
})
