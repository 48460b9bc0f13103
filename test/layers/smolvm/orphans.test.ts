import { expect, layer } from "@effect/vitest"
import { Effect, Exit, Option, Schema, Stream } from "effect"
import { existsSync, readFileSync } from "node:fs"
import { controlOf, readSupervisor } from "../../../src/layers/supervisor/control.ts"
import * as NodeProcessRunner from "../../../src/layers/process/NodeProcessRunner.ts"
import type { Slug } from "../../../src/domain/Slug.ts"
import type { Backend } from "../../../src/services/Backends.ts"
import { describeSmolvm } from "../../support/smolvm.ts"
import { smolPlan, smolWorld } from "../../support/smolvmWorld.ts"

const work = { workdir: "/home/agent/work" }
const States = Schema.decodeSync(Schema.parseJson(Schema.Array(Schema.Struct({ state: Schema.String }))))

describeSmolvm("a supervisor that was killed", () => {
  layer(NodeProcessRunner.layer, { excludeTestServices: true })((it) => {
    const finders: Readonly<
      Record<string, (backend: Backend, slug: Slug) => Effect.Effect<unknown, unknown>>
    > = {
      wait: (backend, slug) => backend.wait(slug),
      list: (backend) => backend.list,
      inspect: (backend, slug) => backend.inspect(slug),
      stop: (backend, slug) => backend.stop(slug),
    }
    it.scoped("leaves its agent at work, and wait, list, inspect and stop each stop its machine", () =>
      Effect.gen(function* () {
        const { smolvm, home, begin, first, second } = yield* smolWorld({ version: "1.9.2" })
        const machines = () => States(smolvm.run("machine", "ls", "--json").stdout)
        const stops = () => smolvm.calls().filter(([, command]) => command === "stop").length
        for (const [finder, find] of Object.entries(finders)) {
          const mark = `mark-${process.pid}-${finder}`
          const plan = smolPlan(`echo working; while :; do sleep 1; : ${mark}; done`, work)
          yield* begin(plan)
          yield* Stream.runHead(first.logs(plan.slug, 1, true))
          const { pid } = Option.getOrThrow(yield* readSupervisor(controlOf("smolvm", home, plan.slug)))
          yield* Effect.sync(() => process.kill(-pid, "SIGKILL"))
          yield* Effect.repeat(
            Effect.sync(() => existsSync(`/proc/${pid}`) && !isZombie(pid)),
            { while: (lives) => lives },
          )
          expect([finder, machines()]).toEqual([finder, [{ state: "running" }]])
          const agent = smolvm.processes(mark)
          expect(agent.length).toBeGreaterThan(0)
          const before = stops()
          yield* find(second, plan.slug)
          expect([finder, machines()]).toEqual([finder, [{ state: "stopped" }]])
          expect(smolvm.processes(mark)).toEqual([])
          expect(yield* first.wait(plan.slug)).toBe(137)
          expect(Option.getOrThrow(yield* first.inspect(plan.slug))).toMatchObject({ state: "exited" })
          expect([finder, stops() - before]).toEqual([finder, 1])
          yield* first.freeze(plan.slug, 1)
          yield* first.destroy(plan.slug)
        }
      }),
    )

    it.scoped("does not keep the other bottles from being listed when its machine cannot be stopped", () =>
      Effect.gen(function* () {
        const { smolvm, home, begin, first } = yield* smolWorld()
        const plan = smolPlan("echo working; sleep 60")
        yield* begin(plan)
        yield* Stream.runHead(first.logs(plan.slug, 1, true))
        const { pid } = Option.getOrThrow(yield* readSupervisor(controlOf("smolvm", home, plan.slug)))
        yield* Effect.sync(() => process.kill(-pid, "SIGKILL"))
        smolvm.fails("machine stop", true)
        expect(yield* first.list).toMatchObject([{ slug: plan.slug }])
        expect(Exit.isFailure(yield* Effect.exit(first.stop(plan.slug)))).toBe(true)
        smolvm.fails("machine stop", false)
        yield* first.stop(plan.slug)
        expect(States(smolvm.run("machine", "ls", "--json").stdout)).toEqual([{ state: "stopped" }])
      }),
    )
  })
})

const isZombie = (pid: number) => /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))

describeSmolvm("a locked database of smolvm", () => {
  layer(NodeProcessRunner.layer, { excludeTestServices: true })((it) => {
    it.scoped(
      "eight bottles at a time are created, run and destroyed, three times over",
      () =>
        Effect.gen(function* () {
          const { smolvm, begin, first } = yield* smolWorld()
          yield* first.ensureImage(smolPlan("true"))
          const rounds = Array.from({ length: 3 }, () => Array.from({ length: 8 }, () => smolPlan("exit 3")))
          for (const plans of rounds) {
            yield* Effect.forEach(plans, begin, { concurrency: 8 })
            const codes = yield* Effect.forEach(plans, ({ slug }) => first.wait(slug), { concurrency: 8 })
            expect(codes).toEqual(plans.map(() => 3))
            yield* Effect.forEach(plans, ({ slug }) => first.destroy(slug), { concurrency: 8 })
          }
          expect(smolvm.locked()).toBeGreaterThan(0)
          expect(smolvm.run("machine", "ls", "--json").stdout).toBe("[]\n")
        }),
      300_000,
    )

    it.scoped("an agent that says the words of it is not run twice", () =>
      Effect.gen(function* () {
        const { begin, output, first } = yield* smolWorld()
        const plan = smolPlan("echo once; echo 'Error: database is locked' >&2; exit 1")
        yield* begin(plan)
        expect(yield* first.wait(plan.slug)).toBe(1)
        expect(yield* output(plan)).toContain("once")
      }),
    )
  })
})
