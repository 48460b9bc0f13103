/** diskUsage: how many bytes of the home are used by what. */
import { Effect, Option, Order } from "effect"
import { lstat } from "node:fs/promises"
import { join } from "node:path"
import { StateStoreError } from "../../domain/Errors.ts"
import { file, namesIn } from "../../files/files.ts"
import type { HomeShape } from "./Home.ts"

/** Parts of the home, by the name of a file in it. The first that matches counts. */
const KINDS: ReadonlyArray<readonly [string, RegExp]> = [
  ["database", /^bot-bottle\.db/],
  ["outputs", /^state\/[^/]+\/output-\d+\.log(\.times)?$/],
  ["operation logs", /^state\/[^/]+\/operations/],
  ["operation logs of destroyed bottles", /^provenance\//],
  ["git objects", /^(git|state\/[^/]+\/git)\//],
  ["artifacts and workspaces of host", /^state\/[^/]+\/host\//],
  ["artifacts of smolvm", /^state\/[^/]+\/smolvm\//],
  ["images of smolvm", /^smolvm\//],
]

/** A line with the largest parts first. Images on an engine are not in it. */
export const diskUsage = ({ root }: HomeShape): Effect.Effect<string, StateStoreError> =>
  Effect.gen(function* () {
    const sums = new Map<string, number>()
    const todo = [""]
    for (let at = todo.pop(); at !== undefined; at = todo.pop()) {
      for (const name of yield* namesIn(join(root, at))) {
        const path = at === "" ? name : `${at}/${name}`
        const found = yield* Effect.option(file(() => lstat(join(root, path))))
        if (Option.isNone(found)) continue
        if (found.value.isDirectory()) {
          todo.push(path)
          continue
        }
        const kind = KINDS.find(([, pattern]) => pattern.test(path))?.[0] ?? "other"
        // Blocks, and not sizes: a sparse file uses less than its size.
        sums.set(kind, (sums.get(kind) ?? 0) + found.value.blocks * 512)
      }
    }
    return [...sums]
      .toSorted(Order.mapInput(Order.reverse(Order.number), ([, bytes]) => bytes))
      .map(([kind, bytes]) => `${kind} ${inWords(bytes)}`)
      .join(", ")
  }).pipe(
    Effect.map((text) => (text === "" ? "nothing yet" : text)),
    Effect.mapError(
      ({ code }) =>
        new StateStoreError({ operation: "home", reason: `a directory cannot be read (${code})` }),
    ),
  )

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"]

const inWords = (bytes: number): string => {
  const unit = Math.min(UNITS.length - 1, bytes === 0 ? 0 : Math.floor(Math.log2(bytes) / 10))
  const value = bytes / 1024 ** unit
  return `${unit === 0 || value >= 10 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`
}
