// A service with that many fake bottles at work, which is then restarted. Prints as JSON its memory, and the times of the second start.
import { Context, Effect, Exit, Layer, Scope } from "effect"
import { LifeCycleEngine } from "../../dist/exports/Orchestrator.js"
import { parts, service } from "../fakeService.mjs"
import { residentMiB } from "../memory.mjs"

const [directory, apiUrl, bottles] = process.argv.slice(2)
const count = Number(bottles)

const program = Effect.gen(function* () {
  let started = 0
  let allStarted = () => undefined
  const atWork = new Promise((resolve) => (allStarted = resolve))
  const context = yield* Layer.build(
    parts(directory, (step) => {
      if (step === "start" && (started += 1) === count) allStarted()
    }),
  )
  const begin = Effect.gen(function* () {
    const scope = yield* Scope.make()
    const start = performance.now()
    let serving = NaN
    const observe = ({ _tag }) => {
      if (_tag === "Serving") serving = performance.now() - start
    }
    const built = yield* service(apiUrl, { running: count, observe }).pipe(
      Layer.buildWithScope(scope),
      Effect.provide(context),
    )
    const { idle } = Context.get(built, LifeCycleEngine)
    return { idle, end: Scope.close(scope, Exit.void), start, serving, built: performance.now() - start }
  })
  const first = yield* begin
  yield* Effect.promise(() => atWork)
  yield* first.idle
  const launched = performance.now() - first.start
  global.gc?.()
  const memory = residentMiB(process.pid)
  yield* first.end
  const { user, system } = process.cpuUsage()
  const second = yield* begin
  yield* second.idle
  const all = performance.now() - second.start
  const used = process.cpuUsage({ user, system })
  yield* second.end
  return {
    launched,
    memory,
    serving: second.serving,
    built: second.built,
    all,
    cpu: (used.user + used.system) / 1000,
  }
})
process.stdout.write(JSON.stringify(await Effect.runPromise(Effect.scoped(program))))
process.exit(0)
