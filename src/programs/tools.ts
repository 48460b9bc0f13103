/** openShell, copyOut and copyIn: tools for an operator to look into a bottle, and to give it a file. */
import { Effect, Option, Stream } from "effect"
import { BackendFailure, BottleNotFound, InvalidInput } from "../domain/Errors.ts"
import type { Slug } from "../domain/Slug.ts"
import type { CopyTarget } from "../services/Backends.ts"
import { Backends } from "../services/Backends.ts"
import { BottleStore } from "../services/BottleStore.ts"
import { bottleState, halfDestroyed, lostArtifact } from "./bottleState.ts"
import { parseSlug } from "./parseSlug.ts"

/** Opens a shell for the operator in a running bottle, with the agent's user and restrictions. Returns its exit code. */
export const openShell = Effect.fn("openShell")(function* (name: string) {
  const slug = yield* parseSlug(name)
  const { backend } = yield* runningBottle(slug)
  return yield* backend.shell(slug)
})

/**
 * A tar of one file or folder of a bottle that is running, exited or frozen. A relative path starts at its working directory. An agent
 * wrote the content: unpack it with care.
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
          reason: `the launch of bottle "${slug}" did not finish, so the bottle is empty`,
        })
      }
      return backend.copyOut(slug, { path, artifact: state === "frozen" ? bottle.artifact : Option.none() })
    }),
  )

/**
 * Puts a regular file of this machine into a bottle whose agent has exited, for the agent's next run. `path` is an existing folder or
 * the file's new path. Fails with `InvalidInput` in any other state.
 */
export const copyIn = Effect.fn("copyIn")(function* (name: string, target: CopyTarget) {
  const slug = yield* parseSlug(name)
  if (target.path.includes("\0"))
    return yield* new InvalidInput({ field: "path", reason: "it contains a NUL character" })
  const store = yield* BottleStore
  yield* store.withOperation(
    slug,
    "copy",
    Effect.gen(function* () {
      const { backend, state } = yield* lookUp(slug)
      if (state !== "exited") {
        return yield* new InvalidInput({
          field: "slug",
          reason: `files go only into a bottle whose agent has exited; bottle "${slug}" is ${state}`,
        })
      }
      if (backend.copyIn === undefined) {
        return yield* new BackendFailure({
          backend: backend.name,
          operation: "copy",
          target: slug,
          reason: `the ${backend.name} backend cannot copy files into a bottle`,
        })
      }
      yield* backend.copyIn(slug, target)
    }),
  )
})

/** The running bottle of a slug. For any other state, fails and says what to do. */
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
