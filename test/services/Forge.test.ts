/** `scoped` names every write of a forge: one that it does not know is no way around a scope, and does not compile. */
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { WriteScope } from "../../src/domain/Forge.ts"
import { type ForgeWriteError, type ForgeWrites, scoped, scopedWrites } from "../../src/services/Forge.ts"
import * as FakeForge from "../../src/testing/FakeForge.ts"

/** The writes of a later version. */
interface MoreWrites extends ForgeWrites {
  readonly closeIssue: (number: number) => Effect.Effect<void, ForgeWriteError>
}

const scope = new WriteScope({ issue: 17, prs: [] })

/** What a scope has for each write; a type test, which `npm run check` performs. */
export const named = (forge: MoreWrites): Readonly<Record<keyof ForgeWrites, unknown>> => {
  const writes: ForgeWrites = scopedWrites(forge, scope)
  // @ts-expect-error A write that was added and that no scope limits.
  const more: MoreWrites = scopedWrites(forge, scope)
  const { openPr: _, ...rest } = writes
  // @ts-expect-error A scope that leaves a write out.
  const fewer: ForgeWrites = rest
  return { ...more, ...fewer, ...writes }
}

it.effect("a write that a scope does not name is not there behind it", () =>
  Effect.gen(function* () {
    const { forge } = yield* FakeForge.make({ issues: [{ number: 17, title: "ours" }] })
    const asked: Array<number> = []
    const more = { ...forge, closeIssue: (number: number) => Effect.sync(() => void asked.push(number)) }
    const limited = scoped(more, scope)
    expect(Object.keys(limited)).not.toContain("closeIssue")
    expect(Object.keys(limited).toSorted()).toEqual(Object.keys(forge).toSorted())
    expect(Object.keys(named(more))).not.toContain("closeIssue")
    expect(asked).toEqual([])
  }),
)

it.effect("every write of a scope refuses or is the run's own: none is the forge's own function", () =>
  Effect.gen(function* () {
    const { forge } = yield* FakeForge.make({ issues: [{ number: 17, title: "ours" }] })
    for (const [name, write] of Object.entries(scopedWrites(forge, scope)))
      expect([name, write === forge[name as keyof ForgeWrites]]).toEqual([name, false])
  }),
)
