import { expect, layer } from "@effect/vitest"
import { Effect, Stream } from "effect"
import * as NodeProcessRunner from "../../../src/layers/process/NodeProcessRunner.ts"
import { TRANSPORTS, describeDocker, docker, dockerInstances, shellPlan } from "../../support/docker.ts"
import { testImage } from "../../support/images.ts"
import { serveNeck } from "../../support/neck.ts"
import { DENIED_CALLS, probe } from "../../support/systemCalls.ts"
import type { TransportName } from "../../../src/layers/docker/engine.ts"
import type { BottlePlan } from "../../../src/domain/Bottle.ts"

/** Runs a script in a bottle; answers its output, its container as docker tells of it, and its artifact's history. */
const insideBy =
  (transport: TransportName) =>
  (script: string, more: Partial<BottlePlan> = {}) =>
    Effect.gen(function* () {
      const image = yield* testImage({ tools: ["perl", "node"] })
      const { home, first } = yield* dockerInstances({ transport })
      const { slug } = shellPlan(`isolation-${process.pid}`, image, script)
      yield* Effect.addFinalizer(() => Effect.ignore(first.destroy(slug)))
      yield* serveNeck(home, slug)
      const plan = shellPlan(slug, image, script, more)
      yield* first.create(plan)
      yield* first.start(slug)
      const output = yield* first.output(slug, 1).pipe(
        Stream.map(({ bytes }) => Buffer.from(bytes).toString("utf8")),
        Stream.mkString,
      )
      const names = docker("ps", "-a", "--format", "{{.Names}}").split("\n")
      const container = names.find((name) => name.endsWith(slug)) ?? ""
      const told = docker("inspect", container)
      const artifact = yield* first.freeze(slug, 1)
      return {
        output,
        told,
        history: docker("history", "--no-trunc", artifact) + docker("image", "inspect", artifact),
      }
    })

for (const transport of TRANSPORTS)
  describeDocker(`inside a bottle, started over the engine's ${transport}`, () => {
    const inside = insideBy(transport)
    layer(NodeProcessRunner.layer, { excludeTestServices: true })((it) => {
      it.scoped.runIf(process.arch === "x64")("no system call leads out: each of them is refused", () =>
        Effect.gen(function* () {
          const calls = Object.entries(DENIED_CALLS)
          const script = [...calls.map(([, call]) => probe(call)), probe("435, 0, 0")].join("\n")
          const { output } = yield* inside(script)
          const answers = output.trim().split("\n")
          expect(Object.fromEntries(calls.map(([name], n) => [name, answers[n]]))).toEqual(
            Object.fromEntries(calls.map(([name]) => [name, "errno 1"])),
          )
          // clone3 is "not implemented", so that libc falls back to clone, whose flags are seen.
          expect(answers.at(-1)).toBe("errno 38")
        }),
      )

      it.scoped(
        "there is no network but the neck, no capability, and the neck's directory is read-only",
        () =>
          Effect.gen(function* () {
            const { output } = yield* inside(`
          echo "devices: $(sed -n 's/^ *\\([a-z0-9]*\\):.*/\\1/p' /proc/net/dev | tr '\\n' ' ')"
          echo "routes: $(sed 1d /proc/net/route | wc -l)"
          grep -E '^(CapEff|CapPrm|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status
          node -e 'require("dns").lookup("example.com", (e) => console.log("dns", e && e.code))'
          node -e 'require("net").connect(80, "192.0.2.1").on("error", (e) => console.log("tcp", e.code))'
          touch /run/bottle/x || true
          id -u`)
            expect(output).toContain("devices: lo \n")
            expect(output).toContain("routes: 0")
            expect(output).toMatch(/CapEff:\s+0{16}\n/)
            expect(output).toMatch(/CapBnd:\s+0{16}\n/)
            expect(output).toMatch(/NoNewPrivs:\s+1\n/)
            expect(output).toMatch(/Seccomp:\s+2\n/)
            expect(output).toMatch(/dns E/)
            expect(output).toContain("tcp ENETUNREACH")
            expect(output).toMatch(/\/run\/bottle\/x.*Read-only/)
            expect(output).toMatch(/^1000$/m)
          }),
      )

      it.scoped(
        "prompt, environment and argv are in no description of the container, and not in its artifact",
        () =>
          Effect.gen(function* () {
            const { output, told, history } = yield* inside('cat; echo "$MARK"; echo in-argv-4711', {
              prompt: "in-prompt-4711\n",
              env: { MARK: "in-env-4711" },
            })
            expect(output).toBe("in-prompt-4711\nin-env-4711\nin-argv-4711\n")
            expect(told + history).not.toContain("4711")
            const [{ HostConfig, Config }] = JSON.parse(told)
            expect(HostConfig).toMatchObject({
              NetworkMode: "none",
              CapDrop: ["ALL"],
              Memory: 256 * 1024 * 1024,
              MemorySwap: 256 * 1024 * 1024,
              PidsLimit: 100,
              Init: true,
            })
            expect(Config.Env.filter((variable: string) => /_proxy=./i.test(variable))).toEqual([])
          }),
      )

      it.scoped("a fork bomb ends at the limit of processes, and memory at its own", () =>
        Effect.gen(function* () {
          const { output } = yield* inside(
            `node -e 'const a = []; for (;;) a.push(Buffer.alloc(16e6, 1))' ; echo "node $?"
           n=0; while [ $n -lt 200 ]; do sleep 5 2>/dev/null & n=$((n+1)); done 2>/dev/null; echo never`,
          )
          expect(output).toContain("node 137")
          expect(output).not.toContain("never")
        }),
      )
    })
  })
