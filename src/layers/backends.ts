/** Backends by name. Each is built on first use and then kept. */
import { Effect, Layer, MutableHashMap, Option } from "effect"
import { BackendNotFound } from "../domain/Errors.ts"
import type { BackendUnavailable } from "../domain/Errors.ts"
import type { Backend } from "../services/Backends.ts"
import { Backends } from "../services/Backends.ts"
import { ProcessRunner } from "../services/ProcessRunner.ts"
import { listWorkspace } from "./git/workspace.ts"

/** How to make each backend, by its name. */
export type BackendMakers<R> = Readonly<Record<string, Effect.Effect<Backend, BackendUnavailable, R>>>

/** Aliases of a backend. */
const ALIASES: Readonly<Record<string, string>> = { smolmachines: "smolvm" }

/** Backends from these makers. One that cannot be built now is tried again at its next `get`. */
export const layer = <R = never>(makers: BackendMakers<R>): Layer.Layer<Backends, never, R | ProcessRunner> =>
  Layer.effect(
    Backends,
    Effect.gen(function* () {
      const context = yield* Effect.context<R | ProcessRunner>()
      const built = MutableHashMap.empty<string, Backend>()
      const one = yield* Effect.makeSemaphore(1)
      const names = Object.keys(makers)

      const get = Effect.fn("Backends.get")(function* (asked: string) {
        const name = Object.hasOwn(ALIASES, asked) ? (ALIASES[asked] ?? asked) : asked
        const known = MutableHashMap.get(built, name)
        if (Option.isSome(known)) return known.value
        const make = Object.hasOwn(makers, name) ? makers[name] : undefined
        if (make === undefined) return yield* new BackendNotFound({ backend: asked, known: names })
        const backend = yield* Effect.provide(make, context)
        MutableHashMap.set(built, name, backend)
        return backend
      })

      return Backends.of({
        names,
        get: (name) => one.withPermits(1)(get(name)),
        workspace: (cwd) => Effect.provide(listWorkspace(cwd), context),
      })
    }),
  )
