/** A stand-in for smolvm, a home, and its backend: what tests of the smolvm backend begin with. */
import { Effect, Stream } from "effect"
import type { BottlePlan } from "../../src/domain/Bottle.ts"
import { DEFAULT_PIDS } from "../../src/domain/Plan.ts"
import type { Slug } from "../../src/domain/Slug.ts"
import { installationId } from "../../src/layers/home/installation.ts"
import { machineName } from "../../src/layers/smolvm/machine.ts"
import { shellPlan } from "./docker.ts"
import { serveNeck } from "./neck.ts"
import { IMAGE, smolvmInstances, standIn } from "./smolvm.ts"

let counter = 0

/** A plan whose agent is a shell's script, in a machine of the stand-in's image. */
export const smolPlan = (script: string, more: Partial<BottlePlan> = {}): BottlePlan =>
  shellPlan(`smol--${process.pid}-${++counter}-`, IMAGE, script, {
    backend: "smolvm",
    pull: "missing",
    user: "1000:1000",
    limits: { memoryBytes: 256 * 1024 ** 2, pids: DEFAULT_PIDS },
    ...more,
  })

/** All of it; bottles that were begun go with the scope. */
export const smolWorld = (options: Parameters<typeof standIn>[0] = {}) =>
  Effect.gen(function* () {
    const smolvm = yield* standIn(options)
    const { home, first, second } = yield* smolvmInstances(smolvm)
    const begin = (plan: BottlePlan) =>
      Effect.gen(function* () {
        yield* Effect.addFinalizer(() => Effect.ignore(first.destroy(plan.slug)))
        yield* serveNeck(home, plan.slug)
        yield* first.accepts(plan)
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
    return { smolvm, home, first, second, begin, output, name }
  })
