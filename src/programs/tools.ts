/** openShell and copyOut: what an operator does with a bottle beside its agent. */
import { Effect, Option, Stream } from "effect"
import { BottleNotFound, InvalidInput } from "../domain/Errors.ts"
import type { Slug } from "../domain/Slug.ts"
import { Backends } from "../services/Backends.ts"
import { BottleStore } from "../services/BottleStore.ts"
import { bottleState, halfDestroyed, lostArtifact } from "./bottleState.ts"
import { parseSlug } from "./parseSlug.ts"

/** Gives the operator a shell in a running bottle, as its agent's user and as shut in as the agent; answers its exit code. */
export const openShell = Effect.fn("openShell")(function* (name: string) {
  const slug = yield* parseSlug(name)
  const { backend } = yield* runningBottle(slug)
  return yield* backend.shell(slug)
})

/**
 * A tar of one file or folder of a bottle that runs, has exited or is frozen; a relative path is in its working
 * directory. What is in it was written by an agent: take it apart with care.
 */
export const copyOut = (name: string, path: string) =>
  Stream.unwrap(
    Effect.gen(function* () {
      const slug = yield* parseSlug(name)
      if (path === "" || path.includes("\0")) {
        return yield* new InvalidInput({ field: "path", reason: "name a file or a folder in the bottle" })
      }
      const { bottle, backend, state } = yield* lookUp(slug)
      if (state === "created") {
        return yield* new InvalidInput({
          field: "slug",
          reason: `the launch of bottle "${slug}" died half-way, and there is nothing in it`,
        })
      }
      return backend.copyOut(slug, { path, artifact: state === "frozen" ? bottle.artifact : Option.none() })
    }),
  )

/** The bottle of a slug, which runs; one that does not is an error that says what to do. */
export const runningBottle = Effect.fn("runningBottle")(function* (slug: Slug) {
  const found = yield* lookUp(slug)
  if (found.state === "running") return found
  return yield* new InvalidInput({
    field: "slug",
    reason: `the agent of bottle "${slug}" does not run (${found.state}): "bot-bottle resume ${slug}" starts it again`,
  })
})

const lookUp = Effect.fn("lookUpBottle")(function* (slug: Slug) {
  const row = yield* (yield* BottleStore).get(slug)
  if (Option.isNone(row)) return yield* new BottleNotFound({ slug })
  const backend = yield* (yield* Backends).get(row.value.spec.backend)
  const state = yield* bottleState(backend, row.value)
  if (state === "destroying") return yield* new InvalidInput({ field: "slug", reason: halfDestroyed(slug) })
  if (state === "lost") return yield* new InvalidInput({ field: "slug", reason: lostArtifact(row.value) })
  return { bottle: row.value, backend, state }
})
