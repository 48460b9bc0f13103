import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { BottleSpec } from "../../src/domain/Bottle.ts"
import * as MemoryBottleStore from "../../src/layers/memory/MemoryBottleStore.ts"
import { bottleNamed, resumeLine, slugAlone } from "../../src/programs/bottleNamed.ts"
import { BottleStore } from "../../src/services/BottleStore.ts"
import { bottle } from "../contracts/BottleStore.ts"

const put = (...bottles: ReadonlyArray<ReturnType<typeof bottle>>) =>
  Effect.flatMap(BottleStore, (store) => Effect.forEach(bottles, store.put, { discard: true }))

it.effect("a label names its bottle where it is the only one, and a slug always wins", () =>
  Effect.gen(function* () {
    yield* put(
      bottle("one-abcde", { label: "one" }),
      bottle("two-abcde", { label: "two" }),
      bottle("two-fghij", { label: "two" }),
      bottle("one", { label: "other" }),
    )
    expect(yield* bottleNamed("other")).toBe("one")
    expect(yield* bottleNamed("one")).toBe("one")
    expect(yield* bottleNamed("nobody")).toBe("nobody")
    expect((yield* Effect.flip(bottleNamed("two"))).message).toMatch(/two-abcde, two-fghij/)
    expect(yield* slugAlone("two-abcde")).toBe("two-abcde")
    expect((yield* Effect.flip(slugAlone("other"))).message).toMatch(/is a label, .*: one$/)
  }).pipe(Effect.provide(MemoryBottleStore.layer)),
)

it.effect(
  "what goes on with a bottle is said as it was begun: with its forge, headless, or on a terminal",
  () =>
    Effect.gen(function* () {
      const plain = bottle("plain-abcde")
      const spec = (fields: Partial<BottleSpec>) => ({ spec: new BottleSpec({ ...plain.spec, ...fields }) })
      yield* put(
        plain,
        bottle("issue-abcde", spec({ forgeTargeted: true })),
        bottle("shell-abcde", spec({ headless: false })),
      )
      expect(yield* Effect.forEach(["plain-abcde", "issue-abcde", "shell-abcde"], resumeLine)).toEqual([
        "bot-bottle resume plain-abcde --headless --prompt ...",
        "bot-bottle orchestrate resume --slug issue-abcde --prompt ...",
        "bot-bottle resume shell-abcde",
      ])
    }).pipe(Effect.provide(MemoryBottleStore.layer)),
)
