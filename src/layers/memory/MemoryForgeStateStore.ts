/** ForgeStateStore in memory: for tests, and for programs that need no persistence. */
import { Effect, Layer, Option } from "effect"
import { StateStoreError } from "../../domain/Errors.ts"
import { atKey, type ForgeState, isOfPr, type ForgeStateKey } from "../../domain/ForgeState.ts"
import { BEFORE_ALL, instantOf } from "../../domain/Instant.ts"
import { ForgeStateStore } from "../../services/ForgeStateStore.ts"

/** An empty store, private to this layer. */
export const layer: Layer.Layer<ForgeStateStore> = Layer.sync(ForgeStateStore, () => {
  const rows = new Map<string, ForgeState>()
  const ordered = () => [...rows.values()].sort(byKey)
  return ForgeStateStore.of({
    upsert: (state) => Effect.sync(() => void rows.set(nameOf(state), state)),
    get: (key) => Effect.sync(() => Option.fromNullable(rows.get(nameOf(key)))),
    delete: (key) => Effect.sync(() => void rows.delete(nameOf(key))),
    all: Effect.sync(ordered),
    running: Effect.sync(() => ordered().filter((row) => row.status === "running")),
    ofPr: (pr) => Effect.sync(() => ordered().filter((row) => isOfPr(row, pr))),
    modify: (key, change) =>
      Effect.sync(() => {
        const [answer, next] = change(Option.fromNullable(rows.get(nameOf(key))))
        if (Option.isNone(next)) rows.delete(nameOf(key))
        else rows.set(nameOf(key), atKey(key, next.value))
        return answer
      }),
    stale: (before) => {
      const instant = instantOf(before)
      return instant === BEFORE_ALL
        ? new StateStoreError({ operation: "stale", reason: `"${before}" is not an ISO 8601 time` })
        : Effect.sync(() =>
            ordered().filter((row) => row.status === "running" && instantOf(row.lastCheckinAt) < instant),
          )
    },
  })
})

const nameOf = (key: ForgeStateKey): string =>
  JSON.stringify([key.forge, key.owner, key.repo, key.issueNumber])

const byKey = (a: ForgeState, b: ForgeState): number =>
  byBytes(a.forge, b.forge) ||
  byBytes(a.owner, b.owner) ||
  byBytes(a.repo, b.repo) ||
  a.issueNumber - b.issueNumber

/** Compares as UTF-8, like SQLite: UTF-16 orders some characters differently. */
const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))
