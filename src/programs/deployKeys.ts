/** Deploy keys of bottles: whether a launch may register them, and how to revoke those that earlier runs left. */
import { Effect } from "effect"
import { isSameForge, keyRefusal } from "../domain/DeployKey.ts"
import type { LaunchRefused } from "../domain/Errors.ts"
import type { RunBottle } from "../domain/OwnRepository.ts"
import type { Slug } from "../domain/Slug.ts"
import type { ForgeAccess } from "../domain/ForgeTarget.ts"
import { DeployKeys } from "../services/DeployKeys.ts"
import { type ForgeEnv, withForgeEnv } from "../services/ForgeEnv.ts"
import { Sidecar } from "../services/Sidecar.ts"
import type { KeyOption } from "./options.ts"

/** Refuses a launch whose repositories need a forge that the run does not have, or keys that the caller did not agree to. */
export const agreeToKeys = (
  { git }: Pick<RunBottle, "git">,
  { hasForge, registerKeys = true }: { readonly hasForge: boolean } & KeyOption,
): Effect.Effect<void, LaunchRefused> =>
  Effect.suspend(() => {
    const refused = keyRefusal(git, { hasForge, agreed: registerKeys })
    return refused === undefined ? Effect.void : Effect.fail(refused)
  })

/** Warns about each key that a bottle leaves at its forge. */
export const tellLeftKeys = Effect.fn("tellLeftKeys")(function* (slug: Slug) {
  const left = yield* (yield* DeployKeys).leftKeys
  yield* Effect.forEach(
    left.filter((key) => key.slug === slug),
    (key) => Effect.logWarning(key.left),
    { discard: true },
  )
}, warned)

const LIMIT = "10 seconds"

/** Revokes the keys that earlier runs left at this run's forge. A key that stays is a warning. */
export const revokeLeftKeys = Effect.fn("revokeLeftKeys")(
  function* (access: ForgeAccess | undefined) {
    if (access === undefined) return
    const keys = yield* DeployKeys
    const left = yield* keys.leftKeys
    yield* Effect.forEach(
      left.filter(({ apiUrl }) => isSameForge(apiUrl, access.apiUrl)),
      (key) =>
        Effect.catchAll(keys.revokeKey(key, access), (error) =>
          Effect.logWarning(`${key.left}; ${error.message}`),
        ),
      { concurrency: 4, discard: true },
    )
  },
  // Interruptible even while a launch is rolled back: nothing else would end it then.
  Effect.interruptible,
  Effect.timeoutFail({
    duration: LIMIT,
    onTimeout: () => ({
      message: `deploy keys of earlier runs may still be registered: the forge did not answer within ${LIMIT}; "bot-bottle gc" lists them`,
    }),
  }),
  warned,
)

/** A key that is left stays recorded and does not make a run fail. */
function warned<E extends { readonly message: string }, R>(effect: Effect.Effect<void, E, R>) {
  return Effect.catchAll(effect, (error) => Effect.logWarning(error.message))
}

/** Keys that no run uses any more, as garbage. Each is revoked with the given token. */
export const leftKeyGarbage = Effect.fn("leftKeyGarbage")(function* (options: {
  readonly forge?: ForgeAccess
  readonly forgeEnv?: ForgeEnv
}) {
  const keys = yield* DeployKeys
  const { variables } = yield* Sidecar
  const access =
    options.forge === undefined
      ? yield* Effect.cached(withForgeEnv(options.forgeEnv ?? {})(variables.access))
      : Effect.succeed(options.forge)
  return (yield* keys.leftKeys).map((key) => ({
    item: {
      kind: "key" as const,
      slug: key.slug,
      backend: "",
      reason: `no run uses it: "${key.title}" of ${key.owner}/${key.repo} at ${key.apiUrl}`,
    },
    remove: Effect.as(
      Effect.flatMap(access, (given) => keys.revokeKey(key, given)),
      true,
    ),
  }))
})
