/** Makes the Forges service from named kinds of forge. */
import { Effect, Layer, Option, Stream } from "effect"
import { ForgeConfigInvalid } from "../domain/Errors.ts"
import { Forges, type ForgeKind, type ForgeVariables } from "../services/Forges.ts"

/** How to reach forges of each kind, by the kind's name. */
export type ForgeKinds = Readonly<Record<string, ForgeKind>>

/** Forges of these kinds. FORGE_* variables are those of the first kind that defines any. */
export const layer = (kinds: ForgeKinds): Layer.Layer<Forges> => {
  const names = Object.keys(kinds)
  const find = (kind: string): Effect.Effect<ForgeKind, ForgeConfigInvalid> =>
    Effect.suspend(() => {
      const found = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined
      return found === undefined
        ? new ForgeConfigInvalid({
            variable: "forge.target.kind",
            reason: `there is no kind of forge "${kind}": known are ${names.join(", ")}`,
          })
        : Effect.succeed(found)
    })
  return Layer.succeed(
    Forges,
    Forges.of({
      kinds: names,
      of: Effect.fn("Forges.of")(function* (target, trust = {}) {
        return yield* (yield* find(target.kind)).make(target, trust)
      }),
      webUrl: ({ kind, apiUrl }) => Effect.map(find(kind), ({ webUrl }) => webUrl(apiUrl)),
      changedSince: (access, since) =>
        Stream.unwrap(
          Effect.map(
            find(access.kind),
            ({ changedSince }): ReturnType<Forges["Type"]["changedSince"]> =>
              changedSince?.(access, since) ?? Stream.fail(unasked(access.kind)),
          ),
        ),
      react: Effect.fn("Forges.react")(function* (target, to, content) {
        const { react } = yield* find(target.kind)
        if (react !== undefined) yield* react(target, to, content)
      }),
      readFile: Effect.fn("Forges.readFile")(function* (target, path, ref) {
        const { readFile } = yield* find(target.kind)
        return readFile === undefined ? Option.none<string>() : yield* readFile(target, path, ref)
      }),
      hooks: Effect.fn("Forges.hooks")(function* (access) {
        const { hooks } = yield* find(access.kind)
        return yield* hooks?.(access) ?? Effect.fail(unhooked(access.kind))
      }),
      variables: Object.values(kinds).find(({ variables }) => variables !== undefined)?.variables ?? none,
    }),
  )
}

const unasked = (kind: string) =>
  new ForgeConfigInvalid({
    variable: "forge.target.kind",
    reason: `a forge of kind "${kind}" cannot report what changed: only webhooks can`,
  })

const unhooked = (kind: string) =>
  new ForgeConfigInvalid({
    variable: "forge.target.kind",
    reason: `webhooks of a forge of kind "${kind}" must be created by hand`,
  })

const unread = new ForgeConfigInvalid({
  variable: "FORGE_*",
  reason: "no kind of forge here reads environment variables: pass the target and the assignment as values",
})

const none: ForgeVariables = {
  access: Effect.fail(unread),
  target: Effect.fail(unread),
  assigned: Effect.fail(unread),
}
