import { expect, layer } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { existsSync, readFileSync } from "node:fs"
import type { BottlePlan } from "../../../src/domain/Bottle.ts"
import * as NodeProcessRunner from "../../../src/layers/process/NodeProcessRunner.ts"
import { TRANSPORTS, shellPlan } from "../../support/docker.ts"
import { serveNeck } from "../../support/neck.ts"
import type { TestPodman } from "../../support/podman.ts"
import { describePodman } from "../../support/podman.ts"
import { DENIED_CALLS, probe } from "../../support/systemCalls.ts"

let counter = 0
const newSlug = () => `podman-${process.pid}-${++counter}`

/** Runs a script in a bottle; answers its output, and its container as podman tells of it. */
const inside = (podman: TestPodman, script: string, more: Partial<BottlePlan> = {}) =>
  Effect.gen(function* () {
    const image = yield* podman.image()
    const { home, first } = yield* podman.instances()
    const plan = shellPlan(newSlug(), image, script, { backend: "podman", ...more })
    const { slug } = plan
    yield* Effect.addFinalizer(() => Effect.ignore(first.destroy(slug)))
    yield* serveNeck(home, slug)
    yield* first.create(plan)
    yield* first.start(slug)
    const output = yield* first.output(slug, 1).pipe(
      Stream.map(({ bytes }) => Buffer.from(bytes).toString("utf8")),
      Stream.mkString,
    )
    const name = podman.containerOf(slug)
    return { first, slug, plan, output, told: podman.run("inspect", name) }
  })

for (const by of TRANSPORTS)
  describePodman(
    `inside a bottle of podman, started over its ${by}`,
    (podman) => {
      layer(NodeProcessRunner.layer, { excludeTestServices: true })((it) => {
        it.scoped.runIf(process.arch === "x64")("no system call leads out: each of them is refused", () =>
          Effect.gen(function* () {
            const calls = Object.entries(DENIED_CALLS)
            const { output } = yield* inside(podman, calls.map(([, call]) => probe(call)).join("\n"))
            const answers = output.trim().split("\n")
            expect(Object.fromEntries(calls.map(([name], n) => [name, answers[n]]))).toEqual(
              Object.fromEntries(calls.map(([name]) => [name, "errno 1"])),
            )
          }),
        )

        it.scoped(
          "there is no network but the neck, no capability, nothing of this machine, and the neck is read-only",
          () =>
            Effect.gen(function* () {
              const { output } = yield* inside(
                podman,
                `echo "devices: $(sed -n 's/^ *\\([a-z0-9]*\\):.*/\\1/p' /proc/net/dev | tr '\\n' ' ')"
             echo "routes: $(sed 1d /proc/net/route | wc -l)"
             grep -E '^(CapEff|CapPrm|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status
             touch /run/bottle/x 2>&1 || true
             id -u
             echo "hosts: $(cat /etc/hosts)"`,
              )
              expect(output).toContain("devices: lo \n")
              expect(output).toContain("routes: 0")
              expect(output).toMatch(/CapEff:\s+0{16}\n/)
              expect(output).toMatch(/CapBnd:\s+0{16}\n/)
              expect(output).toMatch(/NoNewPrivs:\s+1\n/)
              expect(output).toMatch(/Seccomp:\s+2\n/)
              expect(output).toMatch(/\/run\/bottle\/x.*Read-only/)
              expect(output).toMatch(/\n1000\n/)
              const hosts = output.slice(output.indexOf("hosts: "))
              expect(hosts).toBe("hosts: 127.0.0.1 localhost bottle\n::1 localhost\n")
              expect(hosts).not.toBe(readFileSync("/etc/hosts", "utf8"))
            }),
        )

        it.scoped("prompt, environment and argv are in no description of the container; limits are", () =>
          Effect.gen(function* () {
            const { output, told, first, slug } = yield* inside(
              podman,
              'cat; echo "$MARK"; echo in-argv-4711',
              {
                prompt: "in-prompt-4711\n",
                env: { MARK: "in-env-4711" },
              },
            )
            expect(output).toBe("in-prompt-4711\nin-env-4711\nin-argv-4711\n")
            const artifact = yield* first.freeze(slug, 1)
            expect(told + podman.run("image", "inspect", artifact)).not.toContain("4711")
            expect(JSON.parse(told)[0].HostConfig).toMatchObject({
              NetworkMode: "none",
              Memory: 256 * 1024 * 1024,
              MemorySwap: 256 * 1024 * 1024,
              PidsLimit: 100,
              Init: true,
              Privileged: false,
            })
          }),
        )

        it.scoped("an agent that takes too much memory ends with 137, and leaves nothing where we are", () =>
          Effect.gen(function* () {
            const { first, slug } = yield* inside(
              podman,
              `exec perl -e 'my @a; push @a, "x" x 16_000_000 while 1'`,
            )
            expect(yield* first.wait(slug)).toBe(137)
            expect(existsSync("oom")).toBe(false)
          }),
        )
      })
    },
    by,
  )
